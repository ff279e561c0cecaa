import { DomainError } from '@dsops/kernel';
import type { SealedValue, Sealer } from '@dsops/sealing';
import type { Channel } from '../channels/channel.js';
import { joinSettings, splitSettings, type GivenSettings } from '../channels/settings.js';

/** Settings as they are kept: the secret ones of a destination are one sealed value. */
export interface KeptSettings {
  readonly open: GivenSettings;
  /** Null when none is secret. */
  readonly sealed: SealedValue | null;
}

/** Seals what is secret in the settings of a destination, and opens it for one attempt. */
export class SettingsService {
  /** @param sealer undefined where this process was given no key */
  constructor(private readonly sealer: Sealer | undefined) {}

  /** @throws DomainError `service_key_missing` when something is secret and there is no key */
  keep(channel: Channel, destinationId: string, given: GivenSettings): KeptSettings {
    const { open, secret } = splitSettings(channel, given);
    return { open, sealed: secret && this.key.seal(placeOf(destinationId), secret) };
  }

  /**
   * Settings as the channel reads them.
   * @throws DomainError `settings_invalid`, `sealed_value_damaged`, `key_missing`, `service_key_missing`
   */
  read(channel: Channel, destinationId: string, { open, sealed }: KeptSettings): Record<string, unknown> {
    return joinSettings(channel, { open, secret: sealed && this.key.unseal(placeOf(destinationId), sealed) });
  }

  private get key(): Sealer {
    if (this.sealer !== undefined) return this.sealer;
    throw new DomainError('service_key_missing', 'unavailable', 'This process has no key to seal settings with.', {
      remedy: 'Start the notification service with its key.',
    });
  }
}

const placeOf = (destinationId: string) => ({ purpose: 'settings', ids: [destinationId] });
