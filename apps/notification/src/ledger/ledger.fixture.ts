import pg from 'pg';
import { Bell } from '@dsops/background';
import type { Actor } from '@dsops/contracts/principal';
import { rotationCompleted } from '@dsops/contracts/rotation/events';
import { connect } from '@dsops/database';
import { PrismaClient } from '@dsops/database/notification';
import { PrismaUnitOfWork, type EventToEmit, type Unit } from '@dsops/messaging';
import { createTestDatabase, FakeClock, type TestDatabase } from '@dsops/testing';
import type { Channel } from '../channels/channel.js';
import { Channels } from '../channels/channels.js';
import { inbox } from '../channels/inbox/inbox.channel.js';
import { noticeOf, type WordedNotice } from '../notice/notice.js';
import { aRotationEvent } from '../notice/notice.fixture.js';
import { DestinationRepository } from '../routing/destination.repository.js';
import { LedgerRepository } from './ledger.repository.js';
import { LedgerService } from './ledger.service.js';

export const minute = (n: number): Date => new Date(Date.UTC(2026, 10, 21, 12, n));

export const aNotice = (happenedAt = minute(10)): WordedNotice =>
  noticeOf(aRotationEvent(rotationCompleted, { happenedAt }));

/** The ledger on a database of its own, without what brings events to it. */
export class LedgerUnderTest {
  readonly repository: LedgerRepository;
  readonly ledger: LedgerService;
  readonly channels: Channels;
  readonly units: PrismaUnitOfWork;

  constructor(
    readonly home: TestDatabase,
    readonly database: PrismaClient,
    readonly admin: pg.Client,
    others: readonly Channel[],
  ) {
    this.channels = new Channels([inbox, ...others]);
    this.units = new PrismaUnitOfWork(database, 'notification');
    this.repository = new LedgerRepository(database);
    this.ledger = new LedgerService(
      this.repository,
      new DestinationRepository(),
      this.channels,
      new Bell(),
      this.units,
      new FakeClock(),
    );
  }

  tell(told: WordedNotice): Promise<EventToEmit[]> {
    return this.inUnit((unit) => this.ledger.tell(told, unit));
  }

  welcome(principal: Actor, since: Date): Promise<EventToEmit[]> {
    return this.inUnit((unit) => this.ledger.welcome(principal, 'viewer', since, unit));
  }

  dismiss(principal: Actor, at: Date): Promise<EventToEmit[]> {
    return this.inUnit((unit) => this.ledger.dismiss(principal, at, unit));
  }

  async empty(): Promise<void> {
    const tables = ['recipients', 'destinations', 'notices', 'dead_letters'].map((name) => `notification.${name}`);
    await this.admin.query(`truncate ${tables.join(', ')} cascade`);
  }

  async close(): Promise<void> {
    await Promise.all([this.admin.end(), this.database.$disconnect()]);
    await this.home.drop();
  }

  /** Works in one transaction and answers what was said in it. */
  async inUnit(work: (unit: Unit) => Promise<void>): Promise<EventToEmit[]> {
    const said: EventToEmit[] = [];
    await this.database.$transaction((tx) =>
      work({ tx, emit: (event) => void said.push(event), afterCommit: () => undefined }),
    );
    return said;
  }
}

/** @param others the channels that there are beside the inbox */
export async function startLedger(...others: readonly Channel[]): Promise<LedgerUnderTest> {
  const home = await createTestDatabase();
  const admin = new pg.Client({ connectionString: home.adminUrl });
  await admin.connect();
  return new LedgerUnderTest(home, connect(PrismaClient, 'notification', home.options), admin, others);
}
