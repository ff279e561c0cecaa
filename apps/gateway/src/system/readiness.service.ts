import { Inject, Injectable } from '@nestjs/common';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { query, sql } from '@dsops/database';
import type { PrismaClient } from '@dsops/database/gateway';
import type { Clock } from '@dsops/kernel';
import { INVOKER, type Invoker } from '@dsops/platform';
import { CLOCK, DATABASE } from '@dsops/service';
import { TUNING, type GatewayTuning } from '../gateway.options.js';

/** `up`: ready for requests. `down`: it answered that it is not. `unreachable`: it did not answer. */
export type Readiness = 'up' | 'down' | 'unreachable';

export interface Overview {
  readonly status: 'ok' | 'degraded';
  readonly services: Readonly<Record<ServiceName, Readiness>>;
}

/** Anybody may ask, so the services are asked once a second at most. */
const FRESH_MS = 1_000;

@Injectable()
export class ReadinessService {
  private latest?: { readonly atMs: number; readonly overview: Promise<Overview> };

  constructor(
    @Inject(INVOKER) private readonly invoker: Invoker,
    @Inject(DATABASE) private readonly db: PrismaClient,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(TUNING) private readonly tuning: GatewayTuning,
  ) {}

  /** How each service stands, as of now or a second ago. */
  look(): Promise<Overview> {
    const nowMs = this.clock.monotonicMs();
    if (this.latest === undefined || nowMs - this.latest.atMs >= FRESH_MS)
      this.latest = { atMs: nowMs, overview: this.ask() };
    return this.latest.overview;
  }

  private async ask(): Promise<Overview> {
    const found = await Promise.all(
      SERVICES.map(
        async (service) => [service, await (service === 'gateway' ? this.own() : this.of(service))] as const,
      ),
    );
    const services = Object.fromEntries(found) as Record<ServiceName, Readiness>;
    return { status: found.every(([, readiness]) => readiness === 'up') ? 'ok' : 'degraded', services };
  }

  private own(): Promise<Readiness> {
    return query(this.db, sql`select 1`).then(
      () => 'up',
      () => 'down',
    );
  }

  private async of(service: ServiceName): Promise<Readiness> {
    try {
      const timeoutMs = this.tuning.readinessTimeoutMs;
      const { status } = await this.invoker.invoke(service, { method: 'GET', path: '/health/ready', timeoutMs });
      return status < 400 ? 'up' : 'down';
    } catch {
      return 'unreachable';
    }
  }
}
