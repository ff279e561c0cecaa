import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Operation } from '@dsops/contracts/define-operation';
import { DomainError } from '@dsops/kernel';
import { TUNING, type GatewayTuning } from '../gateway.options.js';

/**
 * Does it make something or start work? The contract answers such operations with 201 or 202, whatever their method: a
 * PUT may make what was not there, a PATCH may start work. Those that answer 200 leave no more behind than there was.
 */
export const isCreation = ({ status }: Pick<Operation, 'status'>): boolean => status !== 200;

/** Bounds how much one principal can make in a minute. Counted in each process of the gateway on its own. */
@Injectable()
export class CreationLimitService {
  private readonly limiter: RateLimiterMemory;

  constructor(@Inject(TUNING) private readonly tuning: GatewayTuning) {
    this.limiter = new RateLimiterMemory({ points: tuning.creationsPerMinute, duration: 60 });
  }

  /**
   * Counts one creation.
   * @returns undefined, or why it is refused: `isFirst` in this minute, or one of many.
   */
  async count(principalId: string): Promise<{ refusal: DomainError; isFirst: boolean } | undefined> {
    try {
      await this.limiter.consume(principalId);
      return undefined;
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      const retryAfterS = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
      return {
        isFirst: error.consumedPoints === this.tuning.creationsPerMinute + 1,
        refusal: new DomainError(
          'rate_limited',
          'rate_limited',
          `This API key has made ${this.tuning.creationsPerMinute} things within a minute, which is the limit.`,
          { remedy: `Try again in ${retryAfterS} s.`, retryAfterS },
        ),
      };
    }
  }
}
