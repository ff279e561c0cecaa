import { randomBytes } from 'node:crypto';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Every } from '@dsops/background';
import type { Verdict } from '@dsops/contracts/rotation/states';
import type { PrismaClient } from '@dsops/database/rotation';
import { Secret } from '@dsops/kernel';
import type { UnitOfWork } from '@dsops/messaging';
import type { Logger } from '@dsops/platform';
import { databaseNowMs } from '../database/clock.repository.js';
import type { Drivers } from '@dsops/drivers';
import type { RegistryRepository } from '../registry/registry.repository.js';
import type { RegisteredService } from '../registry/service.js';
import type { Probe } from '@dsops/drivers/driver';
import type { Tx } from '../database/tx.js';
import type { VaultRepository } from '../vault/vault.repository.js';
import type { VaultService } from '../vault/vault.service.js';
import type { Version } from '../vault/version.js';
import type { InstallationService } from '../installation/installation.service.js';

export interface RestoredProbesParts {
  readonly database: PrismaClient;
  readonly units: UnitOfWork<Tx>;
  readonly registry: RegistryRepository;
  readonly versions: VaultRepository;
  readonly vault: VaultService;
  readonly drivers: Drivers;
  readonly installation: InstallationService;
  readonly logger: Logger;
}

/** How often targets that gave no answer are asked again. A conclusive answer is asked for once. */
const EVERY_MS = 60_000;

/**
 * In mode `restored`: what does each target accept in truth? The copy remembers how it was; in the meantime values may
 * have been replaced. Every value that the copy takes for alive is tried once, so that a person sees what there is
 * before they confirm. It logs in and does nothing else.
 */
export class RestoredProbes implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly passes = new Every({
    everyMs: EVERY_MS,
    first: 'at-start',
    pass: (stopping) => this.look(stopping),
    onFault: (error) =>
      this.parts.logger.warn({ error }, 'could not find out what the targets accept; the next minute tries again'),
  });

  constructor(private readonly parts: RestoredProbesParts) {}

  onApplicationBootstrap(): void {
    this.passes.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  /** One pass over all services; does nothing in mode `normal`. */
  async look(stopping?: AbortSignal): Promise<void> {
    const { database, registry, versions, installation } = this.parts;
    const { mode, since } = await installation.current();
    if (mode !== 'restored' || since === null) return;
    for (const service of await registry.list(database)) {
      for (const version of await versions.ofCredential(database, service.credential.id)) {
        if (stopping?.aborted) return;
        if (isOpenQuestion(version, since)) await this.find(service, version);
      }
    }
  }

  private async find(service: RegisteredService, version: Version): Promise<void> {
    const { database, units, vault, drivers, installation, logger } = this.parts;
    const driver = drivers.of(service.type);
    const { verification } = service.credential;
    const login = await vault.open(database, version.id);
    const probe = await driver.probe(version.target, login, verification);
    // Where any value is let in, being let in says nothing.
    const wrong = { username: login.username, password: new Secret(randomBytes(24).toString('base64url')) };
    const control = probe.verdict === 'accepted' ? await driver.probe(version.target, wrong, verification) : null;
    const verdict = truthOf(probe, control);
    logger.info({ service: service.name, version: version.name, verdict }, 'found out what the target accepts');
    await units.run(async ({ tx }) => {
      // A rotation that began after a person's confirmation knows better.
      if (!(await installation.isRestored(tx))) return;
      await vault.recordVerdict(tx, version.id, verdict, new Date(await databaseNowMs(tx)));
    });
  }
}

/** Alive as far as the copy knows, and without a conclusive answer since it woke up. */
function isOpenQuestion({ label, endedAt, verdict, verdictAt }: Version, since: Date): boolean {
  if (label === null && endedAt !== null) return false;
  const isAnswered = verdict === 'accepted' || verdict === 'refused';
  return !isAnswered || verdictAt === null || verdictAt < since;
}

function truthOf(probe: Probe, control: Probe | null): Verdict {
  if (probe.refusedBy === 'verification') return 'inconclusive';
  if (control === null) return probe.verdict;
  return control.verdict === 'refused' && control.refusedBy !== 'verification' ? 'accepted' : 'inconclusive';
}
