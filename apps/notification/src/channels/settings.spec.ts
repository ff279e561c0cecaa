import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Secret, unwrapSecret } from '@dsops/kernel';
import { defineOutside } from './channel.js';
import { joinSettings, readSettings, secretText, splitSettings } from './settings.js';

const channel = defineOutside({
  name: 'chat',
  settings: z.strictObject({
    url: secretText(z.url()),
    token: secretText().optional(),
    pin: z.coerce.number().meta({ secret: true }).default(0),
    pad: z
      .string()
      .meta({ secret: true })
      .transform((text) => text.length)
      .nullish(),
    room: z.string(),
    limit: z.int().default(5),
  }),
  limits: { timeoutMs: 1, betweenMs: 0, retries: 'brief' },
  render: () => '',
  send: async () => ({ kind: 'delivered' }),
  test: async () => ({ kind: 'delivered' }),
});
const url = 'https://chat.example/canary-secret';

describe('settings of a channel', () => {
  it('are split into what is secret and what is not, as they were given', () => {
    const { open, secret } = splitSettings(channel, { url, room: 'ops', token: 't', pin: '7', pad: 'xyz' });
    expect(open).toEqual({ room: 'ops' });
    expect(JSON.parse(unwrapSecret(secret!))).toEqual({ url, token: 't', pin: '7', pad: 'xyz' });
    expect(splitSettings(channel, { room: 'ops' })).toEqual({ open: { room: 'ops' }, secret: null });
  });

  it('are what the channel reads when they are put together again, a secret as a Secret', () => {
    const given = { url, room: 'ops' };
    const joined = joinSettings(channel, splitSettings(channel, given));
    expect(joined).toEqual({ url: expect.any(Secret), room: 'ops', limit: 5, pin: 0 });
    expect(unwrapSecret(joined.url as Secret)).toBe(url);
    expect(JSON.stringify(joined)).not.toContain('canary');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['one is missing', { url }, 'settings.room'],
    ['one is of the wrong form', { url: 'canary-secret', room: 'ops' }, 'settings.url'],
    ['there is one too many', { url, room: 'ops', colour: 'canary-secret' }, 'settings'],
  ])('are refused when %s, by name and without a value', (_, given, path) => {
    let refused: unknown;
    try {
      readSettings(channel, given);
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({
      code: 'settings_invalid',
      kind: 'invalid',
      message: expect.stringContaining('chat'),
      details: { path, remedy: 'It takes: url, token, pin, pad, room, limit.' },
    });
    expect(`${JSON.stringify(refused)} ${(refused as Error).message}`).not.toContain('canary');
  });
});
