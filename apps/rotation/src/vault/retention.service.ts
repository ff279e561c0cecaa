import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import type { InstallationService } from '../installation/installation.service.js';
import type { Tx } from '../database/tx.js';
import type { VaultService } from './vault.service.js';

const EVERY_MS = 3_600_000;

/** Forgets sealed values that were kept long enough: at the start and once an hour. In mode `restored` it keeps all. */
export class RetentionService implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly units: UnitOfWork<Tx>,
    private readonly vault: VaultService,
    private readonly installation: InstallationService,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const tick = () => void (this.running = this.forget());
    tick();
    this.timer = setInterval(tick, EVERY_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async forget(): Promise<void> {
    try {
      const count = await this.units.run(async ({ tx }) =>
        (await this.installation.isRestored(tx)) ? 0 : this.vault.destroyExpired(tx),
      );
      if (count > 0) this.logger.info({ count }, 'forgot values that were kept long enough');
    } catch (error) {
      this.logger.error({ error }, 'could not forget old values; the next hour tries again');
    }
  }
}
