import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ApiKey } from '@dsops/database/gateway';
import { roleSchema } from '@dsops/contracts/principal';
import { wordOutage } from '@dsops/database';
import { DomainError, Secret, type Clock } from '@dsops/kernel';
import type { Caller, Logger } from '@dsops/platform';
import { CLOCK, LOGGER } from '@dsops/service';
import { isSecretOf, orNoKey, readKey } from './api-key.js';
import { ApiKeyRepository } from './api-key.repository.js';

const BEARER = /^Bearer +(\S{1,4096}) *$/i;

/** Finds out who calls. Every request looks its key up, so that a revoked one is refused from the next request on. */
@Injectable()
export class AuthenticationService implements OnApplicationShutdown {
  private readonly touches = new Set<Promise<void>>();

  constructor(
    private readonly keys: ApiKeyRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @param authorization the header of that name
   * @throws DomainError `key_missing`, `key_unknown`, `key_revoked`. None says more than that, and a key that is not
   * ours takes as long as one that is.
   */
  async authenticate(authorization: string | undefined): Promise<Caller> {
    const stated = BEARER.exec(authorization ?? '')?.[1];
    if (stated === undefined)
      throw new DomainError('key_missing', 'unauthenticated', 'The request states no API key.', {
        remedy: 'Send the header "Authorization: Bearer <key>".',
      });
    const { id, secret } = orNoKey(readKey(new Secret(stated)));
    const key = await this.find(id);
    if (!isSecretOf(secret, key?.hash) || key === null)
      throw new DomainError('key_unknown', 'unauthenticated', 'This API key is not one of this installation.', {
        remedy: 'Check where the key comes from; "dsops keys create" makes one.',
      });
    if (key.revokedAt !== null) {
      this.logger.warn({ principalId: key.id }, 'revoked key was used');
      throw new DomainError('key_revoked', 'unauthenticated', 'This API key was revoked.', {
        remedy: 'Ask an administrator for another one.',
      });
    }
    this.noteUse(key);
    return { actor: { kind: 'api_key', id: key.id, name: key.name }, role: roleSchema.parse(key.role) };
  }

  /** Waits for what was begun beside the requests. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.touches);
  }

  private async find(id: string): Promise<ApiKey | null> {
    try {
      return await this.keys.find(id);
    } catch (error) {
      throw wordOutage(error);
    }
  }

  /** Beside the request, which neither waits for it nor fails with it. */
  private noteUse(key: ApiKey): void {
    const now = this.clock.now();
    if (!this.keys.isTouchDue(key, now)) return;
    const touch = this.keys
      .touch(key.id, now)
      .catch((error: unknown) => this.logger.warn({ error, principalId: key.id }, 'last use of a key was not noted'))
      .finally(() => this.touches.delete(touch));
    this.touches.add(touch);
  }
}
