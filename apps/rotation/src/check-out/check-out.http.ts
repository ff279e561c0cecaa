import { shownAddress } from '@dsops/contracts/rotation/targets/define-target';
import { Controller, Header } from '@nestjs/common';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import { checkOut, releaseCheckOut } from '@dsops/contracts/rotation/api';
import { unwrapSecret } from '@dsops/kernel';
import { IdempotencyKey } from '@dsops/messaging';
import { CalledBy, Input, Serves, type Caller, type InputOf } from '@dsops/platform';
import { CheckOutService, type CheckedOut } from './check-out.service.js';

@Controller()
export class CheckOutController {
  constructor(private readonly checkOuts: CheckOutService) {}

  /** Answers with a secret: nothing on the way may keep it. */
  @Serves(checkOut)
  @Header('cache-control', 'no-store')
  async grant(
    @Input(checkOut) { params, body }: InputOf<typeof checkOut>,
    @CalledBy() { actor }: Caller,
    @IdempotencyKey() idempotencyKey: string,
  ): Promise<ResponseOf<typeof checkOut>> {
    return letOut(await this.checkOuts.grant({ ...params, ...body, purpose: body.purpose, actor, idempotencyKey }));
  }

  @Serves(releaseCheckOut)
  async release(
    @Input(releaseCheckOut) { params }: InputOf<typeof releaseCheckOut>,
    @CalledBy() caller: Caller,
  ): Promise<ResponseOf<typeof releaseCheckOut>> {
    await this.checkOuts.release(params.checkOutId, caller);
    return { released: true };
  }
}

/**
 * THE EXIT: the one place where a value leaves dsops for somebody else than its target. The row and the event that say
 * who got it, until when and what for have been committed before.
 */
function letOut({
  checkOut: { id, expiresAt },
  version,
  login,
  target,
  isHeld,
}: CheckedOut): ResponseOf<typeof checkOut> {
  return {
    id,
    user: login.username,
    password: unwrapSecret(login.password),
    target: shownAddress(target),
    version,
    expiresAt: expiresAt.toISOString(),
    isHeld,
  };
}
