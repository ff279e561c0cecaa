import { Module, type DynamicModule } from '@nestjs/common';
import { DaprWakeUpsController } from './dapr-wake-ups.http.js';
import { DaprWakeUps } from './dapr-wake-ups.service.js';

/** The route that the sidecar tells of due jobs. Its port or its path must ask for the app's token. */
@Module({})
export class DaprWakeUpsModule {
  static for(wakeUps: DaprWakeUps): DynamicModule {
    return {
      module: DaprWakeUpsModule,
      controllers: [DaprWakeUpsController],
      providers: [{ provide: DaprWakeUps, useValue: wakeUps }],
    };
  }
}
