import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Strategy } from '@dsops/contracts/rotation/strategies';
import { newId } from '@dsops/kernel';
import { createTestDatabase, testServerUrl, type TestDatabase } from '@dsops/testing';
import { CellWatch, type Verdict } from './cell-watch.js';
import type { ExpectedEnd } from './end-judge.js';
import { Tap } from './tap.js';

/** A rotation done by hand, so that it can be done wrong: what the oracle must see is planted step by step. */
class HandmadeRotation {
  readonly rotationId = newId();
  private readonly folder = mkdtempSync(join(tmpdir(), 'dsops-oracle-'));
  private readonly key = randomBytes(32);
  private readonly credentialId = newId();
  readonly slots: readonly string[];
  private tap!: Tap;
  private database!: TestDatabase;
  private sql!: pg.Client;
  watch!: CellWatch;

  constructor(
    readonly strategy: Strategy,
    private readonly graceMs: number,
  ) {
    const name = `o${newId().slice(-10).toLowerCase()}`;
    this.slots = strategy === 'two-key' ? [`${name}_a`, `${name}_b`] : [`${name}_a`];
  }

  async open(): Promise<void> {
    this.database = await createTestDatabase();
    this.sql = new pg.Client({ connectionString: this.database.adminUrl });
    await this.sql.connect();
    for (const slot of this.slots) await this.sql.query(`create role ${slot} nologin`);
    await this.insertService();
    const [keyFile, tapFile] = [join(this.folder, 'key'), join(this.folder, 'tap')];
    writeFileSync(keyFile, JSON.stringify({ id: 'test', key: this.key.toString('base64url') }));
    this.tap = new Tap(tapFile);
    const { host, port, database } = this.database.options;
    this.watch = new CellWatch({
      facts: {
        isInPlace: this.strategy === 'immediate',
        slots: this.slots.map((name) => ({ name, login: name })),
        graceMs: this.graceMs,
      },
      ourUrl: this.database.adminUrl,
      observed: {
        kind: 'postgresql',
        place: { url: testServerUrl(), address: { host, port, database }, slots: this.slots },
      },
      keyFile,
      tapFile,
      pollMs: 5,
    });
  }

  async close(): Promise<void> {
    await this.watch.close().catch(() => undefined);
    for (const slot of this.slots) await this.sql.query(`drop role ${slot}`);
    await this.sql.end();
    await this.database.drop();
    this.tap.close();
    rmSync(this.folder, { recursive: true });
  }

  /** A new value: tapped, and sealed unless it is to be lost. */
  async generate(slot: string, { label = 'PENDING', isSealed = true } = {}): Promise<{ id: string; value: string }> {
    const [id, value] = [newId(), randomBytes(12).toString('hex')];
    this.tap.write({ kind: 'value', value, origin: 'generated' });
    if (!isSealed) return { id, value };
    await this.sql.query(
      `insert into rotation.versions (id, credential_id, name, slot, login, target, label, created_at)
       values ($1, $2, $1, $3, $3, '{}', $4, now())`,
      [id, this.credentialId, slot, label],
    );
    await this.seal(id, slot, value);
    return { id, value };
  }

  /** As the product does it: the command is tapped, then done. `value` null ends what lives in the slot. */
  async command(slot: string, value: string | null): Promise<void> {
    this.sending(slot, value, 'session');
    await this.sql.query(
      value === null ? `alter role ${slot} nologin password null` : `alter role ${slot} login password '${value}'`,
    );
  }

  sending(slot: string, value: string | null, session: string): void {
    this.tap.write({ kind: 'sending', session, slot, value });
  }

  sessionEnded(session: string): void {
    this.tap.write({ kind: 'ended', session });
  }

  probed(login: string, value: string, verdict: 'accepted' | 'refused'): void {
    this.tap.write({ kind: 'probed', login, value, verdict });
  }

  async label(id: string, label: string | null): Promise<void> {
    await this.sql.query('update rotation.versions set label = null where label = $1', [label]);
    await this.sql.query('update rotation.versions set label = $2 where id = $1', [id, label]);
  }

  async recordEnd(id: string): Promise<void> {
    await this.sql.query('update rotation.versions set ended_at = now() where id = $1', [id]);
  }

  async checkOut(id: string): Promise<void> {
    await this.sql.query(
      `insert into rotation.check_outs (id, version_id, principal, principal_id, idempotency_key, request_hash,
         granted_at, expires_at) values ($1, $2, '{}', 'somebody', $1, '', now(), now() + interval '1 hour')`,
      [newId(), id],
    );
  }

  async begin(): Promise<void> {
    await this.sql.query(
      `insert into rotation.rotations (id, service_id, credential_id, strategy, trigger, requested_by, engine_version,
         is_queued, state, started_at) select $1, service_id, id, strategy, 'manual', '{}', 1, false, 'rotating', now()
         from rotation.credentials`,
      [this.rotationId],
    );
    await this.say('started');
  }

  async finish(state: ExpectedEnd['state']): Promise<void> {
    await this.sql.query(`update rotation.rotations set state = $1, is_settled = true`, [state]);
    await this.say(state);
  }

  async journal(entry: object): Promise<void> {
    await this.sql.query(`insert into rotation.rotation_journal values ($1, 1, now(), 'step', $2)`, [
      this.rotationId,
      entry,
    ]);
  }

  private sequence = 0;
  private async say(name: string): Promise<void> {
    this.sequence += 1;
    await this.sql.query(
      `insert into rotation.outbox (topic, key, epoch, sequence, id, type, subject, said_at, data)
       values ('rotation-events', 'k', 1, $1, $2, $3, '', now(), '{}')`,
      [this.sequence, newId(), `dsops.rotation.rotation.${name}.v1`],
    );
  }

  private async insertService(): Promise<void> {
    const [environment, service] = [newId(), newId()];
    await this.sql.query(`insert into rotation.environments values ($1, 'production', now())`, [environment]);
    await this.sql.query(
      `insert into rotation.services (id, environment_id, name, type, target, server, admin_username, managed_by, created_at)
       values ($1, $2, 'shop', 'postgresql', '{}', 'somewhere', 'admin', 'api', now())`,
      [service, environment],
    );
    await this.sql.query(
      `insert into rotation.credentials (id, service_id, name, strategy, slots, settings, grace_period, verification,
         automatic_rollback, created_at) values ($1, $2, 'login', $3, $4, '{}', '0s', '{}', true, now())`,
      [this.credentialId, service, this.strategy, this.slots],
    );
  }

  private async seal(id: string, slot: string, value: string): Promise<void> {
    const place = ['version', this.credentialId, id, slot];
    const context = (...parts: string[]) => JSON.stringify(['dsops', 'AES-256-GCM', ...parts, ...place]);
    const encrypt = (key: Uint8Array, plain: Uint8Array, aad: string) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
      return [nonce, Buffer.concat([cipher.update(plain), cipher.final()]), cipher.getAuthTag()];
    };
    const wrappingKey = new Uint8Array(hkdfSync('sha256', this.key, '', 'dsops 1 wrap data keys', 32));
    const dataKey = randomBytes(32);
    await this.sql.query(
      `insert into rotation.sealed_values (owner_kind, owner_id, key_id, algorithm, wrap_nonce, wrapped_key, wrap_tag,
         nonce, ciphertext, tag, sealed_at) values ('version', $1, 'test', 'AES-256-GCM', $2, $3, $4, $5, $6, $7, now())`,
      [
        id,
        ...encrypt(wrappingKey, dataKey, context('key', 'test')),
        ...encrypt(dataKey, Buffer.from(value), context('value')),
      ],
    );
  }
}

const COMPLETED: ExpectedEnd = { state: 'completed', current: 'new' };
const invariantsOf = ({ breaches }: Verdict) => [...new Set(breaches.map(({ invariant }) => invariant))];

let rotation: HandmadeRotation;
afterEach(() => rotation.close());

describe('an oracle over two slots', () => {
  let a: string, b: string;
  let old: { id: string; value: string };

  beforeEach(async () => {
    rotation = new HandmadeRotation('two-key', 0);
    await rotation.open();
    [a, b] = rotation.slots as [string, string];
    old = await rotation.generate(a, { label: 'CURRENT' });
    await rotation.command(a, old.value);
    await rotation.begin();
    await rotation.watch.lookClosely();
  });

  /** The rest of a rotation that does everything right. */
  async function completeWith(fresh: { id: string; value: string }): Promise<void> {
    await rotation.command(b, fresh.value);
    rotation.probed(b, fresh.value, 'accepted');
    await rotation.watch.lookClosely();
    await rotation.label(old.id, 'PREVIOUS');
    await rotation.label(fresh.id, 'CURRENT');
    await rotation.watch.lookClosely();
    await rotation.command(a, null);
    rotation.probed(a, old.value, 'refused');
    await rotation.recordEnd(old.id);
    await rotation.watch.lookClosely();
    await rotation.finish('completed');
  }

  it('has nothing to say about a rotation that does everything right', async () => {
    await completeWith(await rotation.generate(b));
    const verdict = await rotation.watch.conclude(COMPLETED);
    expect(verdict.breaches).toEqual([]);
    expect(verdict).toMatchObject({ state: 'completed', windowMs: 0 });
  });

  it('sees a value that was ended while somebody holds it', async () => {
    await rotation.checkOut(old.id);
    await completeWith(await rotation.generate(b));
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toEqual(['I4']);
  });

  it('sees a value that is lost: set, and sealed nowhere', async () => {
    const lost = await rotation.generate(b, { isSealed: false });
    await rotation.command(b, lost.value);
    await rotation.watch.lookClosely();
    await rotation.finish('completed');
    const { breaches } = await rotation.watch.conclude(COMPLETED);
    expect(breaches).toContainEqual({ invariant: 'I2', detail: `${b} accepts a value that is sealed nowhere` });
  });

  it('sees a value that nobody generated', async () => {
    await rotation.command(b, 'made up');
    await rotation.watch.lookClosely();
    const { breaches } = await rotation.watch.conclude(COMPLETED);
    expect(breaches).toContainEqual({ invariant: 'I2', detail: `${b} accepts a value that nobody generated` });
  });

  it('sees CURRENT pointing to a value that the target refuses', async () => {
    const fresh = await rotation.generate(b);
    await rotation.label(old.id, 'PREVIOUS');
    await rotation.label(fresh.id, 'CURRENT');
    await rotation.watch.lookClosely();
    await completeWith(fresh);
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toEqual(['I3']);
  });

  it('sees that nothing is CURRENT any more', async () => {
    await rotation.label(old.id, null);
    await rotation.watch.lookClosely();
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toContain('I7');
  });

  it('sees a value that is recorded as ended and still works', async () => {
    const fresh = await rotation.generate(b);
    await rotation.recordEnd(old.id);
    await rotation.watch.lookClosely();
    await completeWith(fresh);
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toEqual(['I8']);
  });

  it('sees an orphan: completed, and the old value still works', async () => {
    const fresh = await rotation.generate(b);
    await completeWith(fresh);
    await rotation.command(a, old.value);
    const { breaches } = await rotation.watch.conclude(COMPLETED);
    expect(breaches).toContainEqual({ invariant: 'I2', detail: `${a} still accepts ${old.id}, which is not CURRENT` });
  });

  it('sees an end that no login has shown', async () => {
    const fresh = await rotation.generate(b);
    await completeWith(fresh);
    await rotation.command(a, null);
    const { breaches } = await rotation.watch.conclude(COMPLETED);
    expect(breaches).toEqual([{ invariant: 'I8', detail: `it ended without a login that showed ${old.id} refused` }]);
  });

  it('does not count what is sent in a session that had been ended, because it reaches nobody', async () => {
    await completeWith(await rotation.generate(b));
    rotation.sessionEnded('of a worker that slept');
    rotation.sending(a, null, 'of a worker that slept');
    expect((await rotation.watch.conclude(COMPLETED)).breaches).toEqual([]);
  });

  it('counts what was sent before its session was ended: it may have arrived', async () => {
    await completeWith(await rotation.generate(b));
    rotation.sending(a, null, 'of a worker that slept');
    rotation.sessionEnded('of a worker that slept');
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toEqual(['I8']);
  });

  it('sees the value of one login set at the other', async () => {
    const fresh = await rotation.generate(b);
    await rotation.command(b, old.value);
    await rotation.watch.lookClosely();
    await completeWith(fresh);
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toEqual(['I9']);
  });

  it('sees a second value made by one rotation, and an event said twice', async () => {
    await completeWith(await rotation.generate(b));
    await rotation.generate(b, { label: 'PENDING' });
    await rotation.finish('completed');
    const { breaches } = await rotation.watch.conclude(COMPLETED);
    expect(breaches).toEqual([
      { invariant: 'I6', detail: 'the rotation made 2 versions instead of 1' },
      { invariant: 'I6', detail: 'dsops.rotation.rotation.completed.v1 was said 2 times' },
    ]);
  });

  it('sees a value in the journal', async () => {
    const fresh = await rotation.generate(b);
    await rotation.journal({ note: `the new password is ${fresh.value}` });
    await completeWith(fresh);
    const { breaches } = await rotation.watch.conclude(COMPLETED);
    expect(breaches).toEqual([
      { invariant: 'I10', detail: 'rotation.rotation_journal holds a value that belongs into the vault only' },
    ]);
  });

  it('sees a rotation that never ended', async () => {
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toContain('end');
  });
});

it('sees a value that was ended within its grace period', async () => {
  rotation = new HandmadeRotation('two-key', 60_000);
  await rotation.open();
  const [a, b] = rotation.slots as [string, string];
  const [old, fresh] = [await rotation.generate(a, { label: 'CURRENT' }), await rotation.generate(b)];
  await rotation.command(a, old.value);
  await rotation.command(b, fresh.value);
  await rotation.watch.lookClosely();
  await rotation.label(old.id, 'PREVIOUS');
  await rotation.label(fresh.id, 'CURRENT');
  await rotation.command(a, null);
  await rotation.watch.lookClosely();
  expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toContain('I4');
});

describe('an oracle over one slot', () => {
  it('measures how long CURRENT is refused', async () => {
    rotation = new HandmadeRotation('immediate', 0);
    await rotation.open();
    const [a] = rotation.slots as [string];
    const old = await rotation.generate(a, { label: 'CURRENT' });
    await rotation.command(a, old.value);
    await rotation.begin();
    const fresh = await rotation.generate(a);
    await rotation.command(a, fresh.value);
    await rotation.watch.lookClosely();
    rotation.probed(a, fresh.value, 'accepted');
    rotation.probed(a, old.value, 'refused');
    await rotation.label(old.id, 'PREVIOUS');
    await rotation.label(fresh.id, 'CURRENT');
    await rotation.finish('completed');
    const verdict = await rotation.watch.conclude(COMPLETED);
    expect(verdict.breaches).toEqual([]);
    expect(verdict.windowMs).toBeGreaterThan(0);
  });

  it('sees a set that makes everything durable useless', async () => {
    rotation = new HandmadeRotation('immediate', 0);
    await rotation.open();
    const [a] = rotation.slots as [string];
    await rotation.command(a, (await rotation.generate(a, { label: 'CURRENT' })).value);
    await rotation.begin();
    await rotation.command(a, (await rotation.generate(a, { isSealed: false })).value);
    await rotation.watch.lookClosely();
    expect(invariantsOf(await rotation.watch.conclude(COMPLETED))).toContain('I1');
  });
});
