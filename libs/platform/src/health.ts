import { Controller, Get, Inject, Module, type DynamicModule } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import type { Logger } from './logging.js';

/** A dependency without which a service must not get traffic. `check` throws, or rejects, when it is not there. */
export interface Dependency {
  readonly name: string;
  check(): Promise<unknown>;
}

const DEPENDENCIES = Symbol('Dependency[]');
const LOGGER = Symbol('Logger');

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @Inject(DEPENDENCIES) private readonly dependencies: readonly Dependency[],
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  private readonly missing = new Set<string>();

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

  @Get('ready')
  ready() {
    return this.health.check(
      this.dependencies.map(({ name, check }) => async () => {
        const indicator = this.indicators.check(name);
        try {
          await check();
          if (this.missing.delete(name)) this.logger.info({ dependency: name }, 'ready again');
          return indicator.up();
        } catch (error) {
          // Whoever asks learns that it is away, the log why: the route is open to everybody.
          if (!this.missing.has(name)) this.logger.warn({ dependency: name, error }, 'not ready');
          this.missing.add(name);
          return indicator.down();
        }
      }),
    );
  }
}

@Module({})
export class HealthModule {
  static of(dependencies: readonly Dependency[], logger: Logger): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [
        { provide: DEPENDENCIES, useValue: dependencies },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}
