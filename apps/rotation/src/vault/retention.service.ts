import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Every } from '@dsops/background';
import type { UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import type { InstallationService } from '../installation/installation.service.js';
import type { Tx } from '../database/tx.js';
import type { VaultService } from './vault.service.js';

const EVERY_MS = 3_600_000;

/** Forgets sealed values that were kept long enough: at the start and once an hour. In mode `restored` it keeps all. */
export class RetentionService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly passes = new Every({
    everyMs: EVERY_MS,
    first: 'at-start',
    pass: () => this.forget(),
    onFault: (error) => this.logger.error({ error }, 'could not forget old values; the next hour tries again'),
  });

  constructor(
    private readonly units: UnitOfWork<Tx>,
    private readonly vault: VaultService,
    private readonly installation: InstallationService,
    private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.passes.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  private async forget(): Promise<void> {
    const count = await this.units.run(async ({ tx }) =>
      (await this.installation.isRestored(tx)) ? 0 : this.vault.destroyExpired(tx),
    );
    if (count > 0) this.logger.info({ count }, 'forgot values that were kept long enough');
  }
}
