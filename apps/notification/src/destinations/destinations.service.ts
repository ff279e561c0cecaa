import { Inject, Injectable } from '@nestjs/common';
import type { PrismaClient } from '@dsops/database/notification';
import { DomainError, newId, type Clock } from '@dsops/kernel';
import { UNIT_OF_WORK, type UnitOfWork } from '@dsops/messaging';
import { CLOCK, DATABASE } from '@dsops/service';
import { attemptOf } from '../channels/attempt.js';
import type { OutsideChannel, Sent } from '../channels/channel.js';
import { Channels } from '../channels/channels.js';
import { readSettings, type GivenSettings } from '../channels/settings.js';
import { LedgerRepository } from '../ledger/ledger.repository.js';
import { LedgerService } from '../ledger/ledger.service.js';
import type { NoticeKind } from '../notice/tellings.js';
import { DestinationRepository, type DestinationView } from '../routing/destination.repository.js';
import { SettingsService } from '../routing/settings.service.js';

export interface NewDestination {
  readonly channel: string;
  /** What people call it: one of its name at a time. */
  readonly name: string;
  readonly settings: GivenSettings;
  /** Of which kinds it wants notices; absent or empty: of all. */
  readonly kinds?: readonly NoticeKind[];
}

/** The destinations that people add and remove. Inboxes come and go with their recipients. */
@Injectable()
export class DestinationsService {
  constructor(
    private readonly channels: Channels,
    private readonly destinations: DestinationRepository,
    private readonly settings: SettingsService,
    private readonly ledger: LedgerService,
    private readonly rows: LedgerRepository,
    @Inject(DATABASE) private readonly database: PrismaClient,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * From now on it is told what happens.
   * @throws DomainError `channel_unknown`, `settings_invalid`, `destination_exists`
   */
  async add({ channel: channelName, name, settings, kinds = [] }: NewDestination): Promise<DestinationView> {
    const channel = this.outside(channelName);
    readSettings(channel, settings);
    const id = newId();
    const { open, sealed } = this.settings.keep(channel, id, settings);
    const added = { id, channel: channelName, name, kinds, settings: open, since: this.clock.now() };
    await this.units.run(async (unit) => {
      await this.rows.lock(unit.tx);
      if (!(await this.destinations.add(unit.tx, added, sealed)))
        throw new DomainError('destination_exists', 'conflict', `There is a destination ${name} already.`, {
          remedy: 'Give it another name, or remove the one that there is.',
        });
      await this.ledger.catchUp({ ...added, recipientId: null, hasEnded: false }, unit);
    });
    return added;
  }

  list(): Promise<DestinationView[]> {
    return this.destinations.list(this.database);
  }

  /**
   * Sends a message that says that it is a test. Once, and the ledger knows nothing of it.
   * @throws DomainError `destination_unknown`, `channel_unknown`, `settings_invalid`, `sealed_value_damaged`, `key_missing`
   */
  async test(id: string): Promise<Sent> {
    const found = await this.destinations.find(this.database, id);
    if (found === null) throw unknown();
    const channel = this.outside(found.channel);
    const settings = this.settings.read(channel, id, { open: found.settings, sealed: found.sealed });
    return attemptOf(channel, { key: newId(), number: 1 }, (attempt) => channel.test(settings, attempt));
  }

  /**
   * What happens from now on is not told there, and what still waits is suppressed. Its secrets go at once.
   * @throws DomainError `destination_unknown`
   */
  async remove(id: string): Promise<void> {
    await this.units.run(async ({ tx }) => {
      await this.rows.lock(tx);
      if (!(await this.destinations.end(tx, id, this.clock.now()))) throw unknown();
    });
  }

  private outside(name: string): OutsideChannel {
    const channel = this.channels.of(name);
    if (channel?.reach === 'outside') return channel;
    const names = this.channels.outside.map((one) => one.name).join(', ');
    throw new DomainError(
      'channel_unknown',
      'invalid',
      `There is no channel ${name} that a destination can be added to.`,
      {
        path: 'channel',
        remedy: names === '' ? 'This release has the inbox only.' : `There are: ${names}.`,
      },
    );
  }
}

const unknown = () =>
  new DomainError('destination_unknown', 'not_found', 'There is no such destination.', {
    remedy: 'It may have been removed. See what there is in the list of destinations.',
  });
