import 'reflect-metadata';
import { timingSafeEqual } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { NestFactory } from '@nestjs/core';
import type { DynamicModule, Type } from '@nestjs/common';
import { DomainError, newId } from '@dsops/kernel';
import { TOKEN_HEADER } from './invoker.js';
import { inContext, isTraceparent, newTraceparent } from './context.js';
import { Metrics, MetricsModule } from './metrics.js';
import { openSpan } from './telemetry.js';
import { nestLogger, type Logger } from './logging.js';
import { problemOf, ProblemFilter } from './problem.js';

export interface ServiceApp {
  readonly app: NestExpressApplication;
  readonly url: string;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

export interface ServiceAppOptions {
  readonly logger: Logger;
  readonly host?: string;
  /** 0: a free port. */
  readonly port?: number;
  /** Callers must know it, except for health. Absent at the gateway, which checks its callers itself. */
  readonly token?: string;
  /** Where the port as a whole is public: the paths that ask for the token all the same. */
  readonly tokenPaths?: readonly string[];
  /** Paths whose bodies are handed on as bytes, whatever they hold, up to a limit of their own such as `300mb`. */
  readonly rawBodies?: readonly { readonly path: string; readonly limit: string }[];
  /** Says errors of what the service stands on in words of ours; see {@link ProblemFilter}. */
  readonly wordError?: (error: unknown) => unknown;
  /** What every request passes first, before its body is read. */
  readonly before?: readonly RequestHandler[];
}

const BODY_LIMIT = '1mb';
const JSON_TYPES = ['application/json', 'application/cloudevents+json', 'application/*+json'];

/** Builds and starts one service: body limits, problem+json, request context, token. What differs is the module. */
export async function startServiceApp(module: Type | DynamicModule, options: ServiceAppOptions): Promise<ServiceApp> {
  const metrics = new Metrics(String(options.logger.bindings().service ?? 'dsops'));
  const app = await NestFactory.create<NestExpressApplication>(MetricsModule.for(metrics, module), {
    logger: nestLogger(options.logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.disable('x-powered-by');
  const { token, tokenPaths, rawBodies = [] } = options;
  app.use(bindContext(metrics, token !== undefined && tokenPaths === undefined));
  for (const handler of options.before ?? []) app.use(handler);
  if (token !== undefined) for (const path of tokenPaths ?? ['/']) app.use(path, requireToken(token));
  for (const { path, limit } of rawBodies) app.use(path, express.raw({ type: () => true, limit }));
  app.useBodyParser('json', { type: JSON_TYPES, limit: BODY_LIMIT });
  app.useGlobalFilters(new ProblemFilter(options.logger, options.wordError));
  const close = closerOf(app);
  if (token !== undefined) app.getHttpServer().keepAliveTimeout = LONGER_THAN_A_SIDECAR_MS;
  await app.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  const { address, port } = app.getHttpServer().address() as AddressInfo;
  return { app, url: `http://${address}:${port}`, metrics, close };
}

/**
 * How long an idle connection stays open. daprd closes its own after 90 s; if this side closed first, a call that is on
 * its way at that moment would be lost.
 */
const LONGER_THAN_A_SIDECAR_MS = 95_000;
const LOOK_EVERY_MS = 50;
const LONGEST_GOODBYE_MS = 10_000;

/**
 * Makes what closes the service: what was asked is answered, for ten seconds at most; whoever is connected and asks
 * nothing is dropped. `Server.close()` by itself waits for ever for a connection that never asked anything
 * (nodejs.org/api/http.html#serverclosecallback).
 */
function closerOf(app: NestExpressApplication): () => Promise<void> {
  const server = app.getHttpServer();
  const sockets = new Set<Socket>();
  const answers = new Set<ServerResponse>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.prependListener('request', (_: unknown, answer: ServerResponse) => {
    answers.add(answer);
    answer.once('close', () => answers.delete(answer));
  });
  const dropTheSilent = () => {
    const answered = new Set([...answers].map((answer) => answer.req.socket));
    for (const socket of sockets) if (!answered.has(socket)) socket.destroy();
  };
  return async () => {
    const look = setInterval(() => server.listening || dropTheSilent(), LOOK_EVERY_MS);
    const cut = setTimeout(() => server.closeAllConnections(), LONGEST_GOODBYE_MS);
    try {
      await app.close();
    } finally {
      clearInterval(look);
      clearTimeout(cut);
    }
  };
}

/** A request keeps the id that a service of ours gave it. Anybody else's would let them write into logs and records. */
function bindContext(metrics: Metrics, isInternal: boolean) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const given = request.header('traceparent');
    const requestId = (isInternal && request.header('dsops-request-id')) || newId();
    response.setHeader('dsops-request-id', requestId);
    const traceparent = isTraceparent(given) ? given : undefined;
    if (isBackground(request.path)) return inContext({ requestId, traceparent: traceparent ?? newTraceparent() }, next);
    const span = openSpan({ name: request.method, kind: 'server', traceparent });
    const startedAt = performance.now();
    response.once('close', () => {
      const { statusCode } = response;
      const route = (request.route as { path?: string } | undefined)?.path ?? 'unknown';
      const labels = { method: request.method, route, status: String(statusCode) };
      metrics.requests.inc(labels);
      metrics.requestSeconds.observe(labels, (performance.now() - startedAt) / 1_000);
      const attributes = { 'http.response.status_code': statusCode, 'http.route': route };
      span.end({ name: `${request.method} ${route}`, attributes, ...(statusCode >= 500 && { error: statusCode }) });
    });
    inContext({ requestId, traceparent: span.traceparent }, next);
  };
}

/** Probes of an orchestrator, and batches of a sidecar, whose events have traces of their own. */
const isBackground = (path: string) => ['/health/', '/events/', '/job/'].some((start) => path.startsWith(start));

function requireToken(token: string) {
  const expected = Buffer.from(token);
  return (request: Request, response: Response, next: NextFunction): void => {
    const given = Buffer.from(request.header(TOKEN_HEADER) ?? '');
    const isOurs = given.length === expected.length && timingSafeEqual(given, expected);
    if (isOurs || `${request.baseUrl}${request.path}`.startsWith('/health/')) return next();
    const problem = problemOf(
      new DomainError('token_missing', 'unauthenticated', 'This port is for the services of dsops.', {
        remedy: 'Use the gateway.',
      }),
    );
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}
