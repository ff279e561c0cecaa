import { Controller, Get, Inject, Module, Res, type DynamicModule } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import type { Response } from 'express';
import { isDomainError } from '@dsops/kernel';
import type { Logger } from './logging.js';

/**
 * A dependency without which a service must not get traffic. `check` throws, or rejects, when it is not there, and may
 * answer a {@link Trouble} when it is there and something is wrong with it.
 */
export interface Dependency {
  readonly name: string;
  check(): Promise<unknown>;
}

/** Something that a person has to see to, and with which the service goes on. */
export class Trouble {
  constructor(
    readonly code: string,
    readonly message: string,
    readonly remedy: string,
  ) {}
}

/** What a look at one dependency has shown. `code`, `message` and `remedy` are ours, or null where nothing is wrong. */
export interface HealthFinding {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly code: string | null;
  readonly message: string | null;
  readonly remedy: string | null;
}

/** Looks at everything that a service stands on, and writes into the log what changes. */
export class HealthChecks {
  private readonly all: Dependency[];
  private readonly seen = new Map<string, string>();

  constructor(
    dependencies: readonly Dependency[],
    private readonly logger: Logger,
  ) {
    this.all = [...dependencies];
  }

  /** For what a part of the service knows of itself. */
  add(dependency: Dependency): void {
    this.all.push(dependency);
  }

  look(): Promise<HealthFinding[]> {
    return Promise.all(this.all.map((dependency) => this.lookAt(dependency)));
  }

  private async lookAt({ name, check }: Dependency): Promise<HealthFinding> {
    try {
      const found = await check();
      if (!(found instanceof Trouble)) return this.noted({ check: name, level: 'ok', ...NOTHING });
      const { code, message, remedy } = found;
      return this.noted({ check: name, level: 'warning', code, message, remedy });
    } catch (error) {
      const words = isDomainError(error)
        ? { code: error.code, message: error.message, remedy: error.details.remedy ?? null }
        : { code: 'unavailable', message: `${name} is not there.`, remedy: 'The log says why.' };
      return this.noted({ check: name, level: 'error', ...words }, error);
    }
  }

  private noted(finding: HealthFinding, error?: unknown): HealthFinding {
    const { check: dependency, level, code } = finding;
    const state = `${level} ${code ?? ''}`;
    const former = this.seen.get(dependency) ?? 'ok ';
    this.seen.set(dependency, state);
    if (state === former) return finding;
    if (level === 'ok') this.logger.info({ dependency }, 'ready again');
    else if (level === 'error') this.logger.warn({ dependency, code, error }, 'not ready');
    else this.logger.warn({ dependency, code, reason: finding.message }, 'ready, and something is wrong');
    return finding;
  }
}

const NOTHING = { code: null, message: null, remedy: null };

const IS_OPEN = Symbol('is open to everybody');
const UNAVAILABLE = 503;

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly checks: HealthChecks,
    @Inject(IS_OPEN) private readonly isOpen: boolean,
  ) {}

  /** Alive means that this process answers. A dependency that is down must not restart it. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** It answers once the service has started; from then on {@link live} and {@link ready} say how it is. */
  @Get('startup')
  startup(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** 503 while something is missing. Where everybody may ask, nobody is told more than what, and the log says why. */
  @Get('ready')
  async ready(@Res() response: Response): Promise<void> {
    const findings = await this.checks.look();
    const answer = await this.health
      .check(
        findings.map(({ check, level, code, message, remedy }) => () => {
          const indicator = this.indicators.check(check);
          const details: Record<string, unknown> = this.isOpen || code === null ? {} : { level, code, message, remedy };
          return level === 'error' ? indicator.down(details) : indicator.up(details);
        }),
      )
      .catch((error: unknown) => (error as { getResponse(): unknown }).getResponse());
    const isReady = findings.every(({ level }) => level !== 'error');
    response.status(isReady ? 200 : UNAVAILABLE).json(answer);
  }
}

@Module({})
export class HealthModule {
  /** @param isOpen everybody may ask */
  static of(dependencies: readonly Dependency[], logger: Logger, isOpen = false): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [
        { provide: HealthChecks, useValue: new HealthChecks(dependencies, logger) },
        { provide: IS_OPEN, useValue: isOpen },
      ],
      exports: [HealthChecks],
    };
  }
}
