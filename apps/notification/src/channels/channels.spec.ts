import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineInside } from './channel.js';
import { Channels } from './channels.js';
import * as channels from './kinds.js';

const named = (name: string) =>
  defineInside({ name, settings: z.strictObject({}), render: () => '', put: async () => undefined });

describe('the channels', () => {
  it('are found by name', () => {
    const all = new Channels([named('one'), named('two')]);
    expect(all.of('two')?.name).toBe('two');
    expect(all.of('three')).toBeUndefined();
  });

  it('are refused when two have one name, or one has none', () => {
    expect(() => new Channels([named('one'), named('one')])).toThrow('"one"');
    expect(() => new Channels([named('One')])).toThrow('"One"');
  });
});

describe('every channel of this release', () => {
  it('is a channel', () => {
    expect(new Channels(Object.values(channels)).of('inbox')).toBe(channels.inbox);
  });
});
