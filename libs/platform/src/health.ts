import { Controller, Get, Inject, Module, type DynamicModule } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';

/** A dependency without which a service must not get traffic. `check` throws, or rejects, when it is not there. */
export interface Dependency {
  readonly name: string;
  check(): Promise<unknown>;
}

const DEPENDENCIES = Symbol('Dependency[]');

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @Inject(DEPENDENCIES) private readonly dependencies: readonly Dependency[],
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

  @Get('ready')
  ready() {
    return this.health.check(
      this.dependencies.map(({ name, check }) => async () => {
        const indicator = this.indicators.check(name);
        try {
          await check();
          return indicator.up();
        } catch {
          return indicator.down();
        }
      }),
    );
  }
}

@Module({})
export class HealthModule {
  static of(dependencies: readonly Dependency[]): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [{ provide: DEPENDENCIES, useValue: dependencies }],
    };
  }
}
