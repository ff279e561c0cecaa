import { Controller } from '@nestjs/common';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import { confirmRestore, getInstallation } from '@dsops/contracts/rotation/api';
import { IdempotencyKey } from '@dsops/messaging';
import { CalledBy, Input, Serves, type Caller, type InputOf } from '@dsops/platform';
import { InstallationService } from './installation.service.js';

@Controller()
export class InstallationController {
  constructor(private readonly installation: InstallationService) {}

  @Serves(getInstallation)
  async show(): Promise<ResponseOf<typeof getInstallation>> {
    const { mode, since, reason } = await this.installation.current();
    return { mode, since: since?.toISOString() ?? null, reason };
  }

  @Serves(confirmRestore)
  async confirm(
    @Input(confirmRestore) { body }: InputOf<typeof confirmRestore>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() key: string,
  ): Promise<ResponseOf<typeof confirmRestore>> {
    await this.installation.confirmRestore({ actor, reason: body.reason, key });
    return { mode: 'normal' };
  }
}
