import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pg from 'pg';
import type { DatabaseOptions } from '@dsops/database';
import type { Operation, RequestOf, ResponseOf } from '@dsops/contracts/define-operation';
import type { createApiKey } from '@dsops/contracts/gateway/api';
import type { Role } from '@dsops/contracts/principal';
import { problemSchema, type Problem } from '@dsops/contracts/problem';
import { pathOf } from '@dsops/contracts/request-path';
import { newId, Secret, type Clock } from '@dsops/kernel';
import { EmbeddedTransport } from '@dsops/messaging';
import { createLogger, HttpInvoker, type ServiceApp } from '@dsops/platform';
import { hostService } from '@dsops/service';
import { createTestDatabase, eventually as tryUntil } from '@dsops/testing';
import type { GatewayTuning } from '../src/gateway.options.js';
import { gatewayService } from '../src/index.js';
import { StubServices } from './stub-services.js';

export const TOKEN = 'token-of-the-services-canary';

export interface Reply<Body = unknown> {
  readonly status: number;
  /** What the contract says; when the status is that of a problem, see {@link asProblem}. */
  readonly body: Body;
  readonly headers: Headers;
  readonly text: string;
}

interface CallOptions {
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestGateway {
  readonly url: string;
  readonly service: ServiceApp;
  readonly stub: StubServices;
  /** The superuser's view of the database. */
  readonly sql: pg.Client;
  readonly adminKey: string;
  readonly adminKeyFile: string;
  readonly logLines: string[];
  /** Calls an operation with the admin's key, or another one; `undefined` sends none. */
  call<O extends Operation>(operation: O, request?: RequestOf<O>, options?: CallOptions): Promise<Reply<ResponseOf<O>>>;
  fetch<Body = unknown>(path: string, init?: RequestInit): Promise<Reply<Body>>;
  /** Makes a key of this role, past the limits of the API. */
  keyOf(role: Role): Promise<{ id: string; key: string }>;
  close(): Promise<void>;
}

interface FixtureOptions {
  readonly tuning?: Partial<GatewayTuning>;
  readonly clock?: Clock;
  /** The operations that there are, when not those of the contracts. */
  readonly operations?: readonly Operation[];
  /** Where the gateway finds the database, when not where it is: a proxy before it. */
  readonly through?: (options: DatabaseOptions) => Promise<DatabaseOptions>;
}

/** The gateway as it runs, on a database of its own, with the other services behind real sockets. */
export async function startTestGateway(options: FixtureOptions = {}): Promise<TestGateway> {
  const database = await createTestDatabase();
  const stub = await StubServices.start(TOKEN, options.operations);
  const logLines: string[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      logLines.push(chunk.toString('utf8'));
      done();
    },
  });
  const logger = createLogger({ service: 'gateway', level: 'trace', destination });
  const transport = new EmbeddedTransport({ ...database.options, logger });
  const folder = mkdtempSync(join(tmpdir(), 'dsops-gateway-'));
  const adminKeyFile = join(folder, 'keys', 'admin.key');
  let own = 'http://127.0.0.1:1';
  const surroundings = {
    database: options.through === undefined ? database.options : await options.through(database.options),
    transport,
    invoker: new HttpInvoker((name) => (name === 'gateway' ? own : stub.urlOf(name)), TOKEN),
    logger,
    token: new Secret(TOKEN),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  };
  const service = await hostService(
    gatewayService({ feedPollMs: 50, ...options.tuning }, options.operations),
    surroundings,
    {
      own: { DSOPS_ADMIN_KEY_FILE: adminKeyFile },
    },
  );
  own = service.url;
  const adminKey = readFileSync(adminKeyFile, 'utf8').trim();
  const sql = new pg.Client({ connectionString: database.adminUrl });
  sql.on('error', () => undefined);
  await sql.connect();

  const send = async <Body>(path: string, init: RequestInit = {}): Promise<Reply<Body>> => {
    const response = await fetch(`${service.url}${path}`, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : undefined) as Body,
    };
  };
  return {
    url: service.url,
    service,
    stub,
    sql,
    adminKey,
    adminKeyFile,
    logLines,
    fetch: send,
    call: (operation, request = {}, callOptions = {}) => {
      const key = 'key' in callOptions ? callOptions.key : adminKey;
      return send(`/api/v1${pathOf(operation, request)}`, {
        method: operation.method,
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...callOptions.headers,
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      });
    },
    keyOf: async (role) => {
      const { body } = await send<ResponseOf<typeof createApiKey>>('/api/v1/api-keys', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${adminKey}`,
          'content-type': 'application/json',
          'idempotency-key': newId(),
        },
        body: JSON.stringify({ name: `${role}-key`, role }),
      });
      return { id: body.id, key: body.key };
    },
    close: async () => {
      await service.close();
      await transport.close();
      await stub.close();
      await sql.end();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Checks that an answer is a problem that helps, and gives it. */
export function asProblem(reply: Reply): Problem {
  const problem = problemSchema.parse(reply.body);
  if (!reply.headers.get('content-type')?.startsWith('application/problem+json'))
    throw new Error('not declared as a problem');
  if (problem.status !== reply.status)
    throw new Error(`the problem says ${problem.status}, the answer ${reply.status}`);
  return problem;
}

/** Patient, because the machine that runs the tests may have much else to do. */
export const eventually = <T>(assertion: () => T | Promise<T>): Promise<T> => tryUntil(assertion, 20_000);
