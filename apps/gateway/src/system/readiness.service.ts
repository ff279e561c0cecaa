import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import { findingLevelSchema, type getFindings } from '@dsops/contracts/gateway/api';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import type { Clock } from '@dsops/kernel';
import { HealthChecks, INVOKER, type Invoker } from '@dsops/platform';
import { CLOCK } from '@dsops/service';
import { TUNING, type GatewayTuning } from '../gateway.options.js';

/** `up`: ready for requests. `down`: it answered that it is not. `unreachable`: it did not answer. */
export type Readiness = 'up' | 'down' | 'unreachable';

export interface Overview {
  readonly status: 'ok' | 'degraded';
  readonly services: Readonly<Record<ServiceName, Readiness>>;
}

/** What is wrong with what a service stands on. */
export type ServiceFinding = ResponseOf<typeof getFindings>['findings'][number];

interface Look {
  readonly readiness: Readiness;
  readonly findings: readonly ServiceFinding[];
}

/** The part of an answer to /health/ready that says what is wrong. */
const answerSchema = z.object({
  details: z
    .record(
      z.string(),
      z.object({
        status: z.string(),
        level: findingLevelSchema.optional(),
        code: z.string().nullish(),
        message: z.string().nullish(),
        remedy: z.string().nullish(),
      }),
    )
    .default({}),
});

/** Anybody may ask, so the services are asked once a second at most. */
const FRESH_MS = 1_000;

@Injectable()
export class ReadinessService {
  private latest?: { readonly atMs: number; readonly looks: Promise<readonly (readonly [ServiceName, Look])[]> };

  constructor(
    @Inject(INVOKER) private readonly invoker: Invoker,
    private readonly checks: HealthChecks,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
  ) {}

  /** How each service stands, as of now or a second ago. */
  async look(): Promise<Overview> {
    const looks = await this.looks();
    const services = Object.fromEntries(looks.map(([service, { readiness }]) => [service, readiness]));
    return {
      status: looks.every(([, { readiness }]) => readiness === 'up') ? 'ok' : 'degraded',
      services: services as Record<ServiceName, Readiness>,
    };
  }

  /** What is wrong with what the services stand on, with what to do. */
  async findings(): Promise<ServiceFinding[]> {
    return (await this.looks()).flatMap(([, { findings }]) => findings);
  }

  private looks() {
    const nowMs = this.clock.monotonicMs();
    if (this.latest === undefined || nowMs - this.latest.atMs >= FRESH_MS)
      this.latest = {
        atMs: nowMs,
        looks: Promise.all(
          SERVICES.map(
            async (service) => [service, await (service === 'gateway' ? this.own() : this.of(service))] as const,
          ),
        ),
      };
    return this.latest.looks;
  }

  private async own(): Promise<Look> {
    const found = await this.checks.look();
    return {
      readiness: found.every(({ level }) => level !== 'error') ? 'up' : 'down',
      findings: found
        .filter(({ level }) => level !== 'ok')
        .map((finding) => ({
          service: 'gateway',
          ...finding,
          message: finding.message ?? `${finding.check} is not there.`,
        })),
    };
  }

  private async of(service: ServiceName): Promise<Look> {
    try {
      const timeoutMs = this.tuning.readinessTimeoutMs;
      const { status, body } = await this.invoker.invoke(service, { method: 'GET', path: '/health/ready', timeoutMs });
      return { readiness: status < 400 ? 'up' : 'down', findings: findingsIn(service, status, body) };
    } catch {
      return {
        readiness: 'unreachable',
        findings: [
          {
            service,
            check: 'answer',
            level: 'error',
            code: 'service_unreachable',
            message: `The ${service} service does not answer.`,
            remedy: 'See whether it runs, and its log.',
          },
        ],
      };
    }
  }
}

/** A service of another release may say less. */
function findingsIn(service: ServiceName, status: number, body: unknown): ServiceFinding[] {
  const { details } = answerSchema.safeParse(body).data ?? { details: {} };
  const findings = Object.entries(details).flatMap(([check, { status: state, level, code, message, remedy }]) =>
    state === 'up' && level === undefined
      ? []
      : [
          {
            service,
            check,
            level: level ?? ('error' as const),
            code: code ?? null,
            message: message ?? `${check} is not there.`,
            remedy: remedy ?? null,
          },
        ],
  );
  if (findings.length > 0 || status < 400) return findings;
  const message = `The ${service} service says that it is not ready, and not why.`;
  return [{ service, check: 'answer', level: 'error', code: null, message, remedy: 'See its log.' }];
}
