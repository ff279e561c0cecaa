import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { ApiKey } from '@dsops/database/gateway';
import { principalCreated, principalRevoked } from '@dsops/contracts/gateway/events';
import { roleSchema, type Actor } from '@dsops/contracts/principal';
import type { BodyOf, QueryOf, ResponseOf } from '@dsops/contracts/define-operation';
import type { createApiKey, listApiKeys } from '@dsops/contracts/gateway/api';
import { DomainError, newId, unwrapSecret, type Clock, type Secret } from '@dsops/kernel';
import { answerOnce, UNIT_OF_WORK, type Unit, type UnitOfWork } from '@dsops/messaging';
import { cursorOf, type Caller } from '@dsops/platform';
import { CLOCK } from '@dsops/service';
import { makeKey } from './api-key.js';
import { ApiKeyRepository, type Transaction } from './api-key.repository.js';

const places = cursorOf(z.ulid());
type View = ResponseOf<typeof listApiKeys>['items'][number];

@Injectable()
export class ApiKeyService {
  constructor(
    private readonly keys: ApiKeyRepository,
    @Inject(UNIT_OF_WORK) private readonly units: UnitOfWork<Transaction>,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Makes a key. Its value is in this answer and nowhere else: an answer that is given again cannot hold it.
   * @throws DomainError `key_shown_once` when this Idempotency-Key has made one already.
   */
  async create(
    caller: Caller,
    wanted: BodyOf<typeof createApiKey>,
    idempotency: { key: string; fingerprint: string },
  ): Promise<ResponseOf<typeof createApiKey>> {
    if (/\p{C}/u.test(wanted.name))
      throw new DomainError('request_invalid', 'invalid', 'name: must hold no control characters', {
        errors: [{ path: 'name', message: 'must hold no control characters' }],
        remedy: 'Correct it and send it again.',
      });
    const made = await this.units.run(async (unit) => {
      let value: Secret | undefined;
      const view = await answerOnce(unit, { principalId: caller.actor.id, ...idempotency }, async () => {
        const { key, secret } = await this.add(unit, {
          name: wanted.name,
          role: wanted.role,
          hasInbox: wanted.inbox,
          madeBy: 'api',
          by: caller.actor,
        });
        value = secret;
        return viewOf(key);
      });
      return { view, value };
    });
    if (made.value !== undefined) return { ...made.view, key: unwrapSecret(made.value) };
    throw new DomainError(
      'key_shown_once',
      'conflict',
      `The key ${made.view.id} was made already, and its value was shown once.`,
      {
        remedy: `If the value was lost, revoke it with "dsops keys revoke ${made.view.id}" and make another.`,
      },
    );
  }

  /**
   * Newest first.
   * @throws DomainError `cursor_invalid`
   */
  async list({ limit, cursor }: QueryOf<typeof listApiKeys>): Promise<ResponseOf<typeof listApiKeys>> {
    const found = await this.keys.list(limit + 1, places.read(cursor));
    return places.pageOf(found.map(viewOf), limit, ({ id }) => id);
  }

  /**
   * Refuses the key from the next request on. Doing it again changes nothing.
   * @throws DomainError `api_key_not_found`, `last_admin_key`
   */
  async revoke(caller: Caller, id: string): Promise<void> {
    await this.units.run(async (unit) => {
      await this.keys.lock(unit.tx);
      const key = await this.keys.findWithin(unit.tx, id);
      if (key === null)
        throw new DomainError('api_key_not_found', 'not_found', 'There is no API key with this id.', {
          remedy: 'See "dsops keys list".',
        });
      if (key.revokedAt !== null) return;
      if (key.role === 'admin' && (await this.keys.usableAdmins(unit.tx)).length === 1)
        throw new DomainError(
          'last_admin_key',
          'conflict',
          'This is the only admin key left, so nobody could administer dsops.',
          {
            remedy: 'Make another admin key first.',
          },
        );
      await this.withdraw(unit, key, caller.actor);
    });
  }

  /** Adds a key within a transaction and says so. */
  async add(
    unit: Unit<Transaction>,
    wanted: { name: string; role: ApiKey['role']; hasInbox: boolean; madeBy: 'start' | 'api'; by: Actor },
  ): Promise<{ key: ApiKey; secret: Secret }> {
    const id = newId();
    const { value, hash } = makeKey(id);
    const { name, role, hasInbox, madeBy } = wanted;
    const key = {
      id,
      name,
      role,
      hasInbox,
      madeBy,
      hash,
      createdAt: this.clock.now(),
      lastUsedAt: null,
      revokedAt: null,
    };
    await this.keys.insert(unit.tx, key);
    unit.emit({
      event: principalCreated,
      key: id,
      subject: `api_key/${id}`,
      data: { principal: actorOf(key), role: roleSchema.parse(role), hasInbox, actor: wanted.by },
    });
    return { key, secret: value };
  }

  /** Revokes a key within a transaction and says so. */
  async withdraw(unit: Unit<Transaction>, key: ApiKey, by: Actor): Promise<void> {
    await this.keys.revoke(unit.tx, key.id, this.clock.now());
    unit.emit({
      event: principalRevoked,
      key: key.id,
      subject: `api_key/${key.id}`,
      data: { principal: actorOf(key), actor: by },
    });
  }
}

const actorOf = ({ id, name }: ApiKey): Actor => ({ kind: 'api_key', id, name });

const viewOf = ({ id, name, role, hasInbox, createdAt, lastUsedAt, revokedAt }: ApiKey): View => ({
  id,
  name,
  role: roleSchema.parse(role),
  hasInbox,
  createdAt: createdAt.toISOString(),
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
  revokedAt: revokedAt?.toISOString() ?? null,
});
