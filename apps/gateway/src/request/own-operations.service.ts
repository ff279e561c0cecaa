import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { operations } from '@dsops/contracts/api';
import type { Operation, ResponseOf } from '@dsops/contracts/define-operation';
import {
  createApiKey,
  dropDeadLetter,
  getDeadLetter,
  getFindings,
  getSystem,
  listApiKeys,
  listDeadLetters,
  replayDeadLetter,
  revokeApiKey,
} from '@dsops/contracts/gateway/api';
import type { Caller, InputOf } from '@dsops/platform';
import { ApiKeyService } from '../access/api-key.service.js';
import { DeadLetterService } from '../dead-letter/dead-letter.service.js';
import { ReadinessService } from '../system/readiness.service.js';
import { SystemService } from '../system/system.service.js';

export interface OwnCall<O extends Operation = Operation> {
  readonly caller: Caller;
  readonly input: InputOf<O>;
  readonly idempotencyKey: string;
}
type Handler = (call: OwnCall) => Promise<unknown>;

const serve = <O extends Operation>(
  operation: O,
  handler: (call: OwnCall<O>) => Promise<ResponseOf<O>>,
): [string, Handler] => [operation.id, handler];

/** The operations that the gateway carries out itself. */
@Injectable()
export class OwnOperations {
  private readonly handlers: ReadonlyMap<string, Handler>;

  constructor(keys: ApiKeyService, letters: DeadLetterService, system: SystemService, readiness: ReadinessService) {
    this.handlers = new Map([
      serve(getSystem, async () => system.describe()),
      serve(getFindings, async () => ({ findings: await readiness.findings() })),
      serve(createApiKey, ({ caller, input, idempotencyKey }) =>
        keys.create(caller, input.body, { key: idempotencyKey, fingerprint: fingerprintOf(createApiKey, input.body) }),
      ),
      serve(listApiKeys, ({ input }) => keys.list(input.query)),
      serve(revokeApiKey, async ({ caller, input }) => {
        await keys.revoke(caller, input.params.keyId);
        return { revoked: true as const };
      }),
      serve(listDeadLetters, ({ input }) => letters.list(input.query)),
      serve(getDeadLetter, ({ input }) => letters.get(input.params)),
      serve(replayDeadLetter, ({ input }) => letters.replay(input.params)),
      serve(dropDeadLetter, ({ caller, input }) => letters.drop(input.params, input.body, caller.actor.name)),
    ]);
    const missing = operations.filter(({ service, id }) => service === 'gateway' && !this.handlers.has(id));
    if (missing.length > 0)
      throw new TypeError(
        `The gateway does not serve ${missing.map(({ id }) => id).join(', ')}, which the contract gives it.`,
      );
  }

  async carryOut(operation: Operation, call: OwnCall): Promise<{ status: number; body: unknown }> {
    const handler = this.handlers.get(operation.id);
    if (handler === undefined) throw new TypeError(`${operation.id} is not an operation of the gateway`);
    return { status: operation.status, body: await handler(call) };
  }
}

/** Tells requests under one Idempotency-Key apart. The body was checked, so its fields are the contract's. */
const fingerprintOf = (operation: Operation, body: Readonly<Record<string, unknown>>): string =>
  createHash('sha256')
    .update(JSON.stringify([operation.id, Object.entries(body).sort(([one], [other]) => one.localeCompare(other))]))
    .digest('hex');
