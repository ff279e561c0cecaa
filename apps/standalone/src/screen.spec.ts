import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Screen } from './screen.js';

describe('the screen', () => {
  const shown = (show: (screen: Screen) => void): string => {
    const out = new PassThrough();
    show(new Screen(out as unknown as NodeJS.WriteStream, { hasColors: false }));
    return String(out.read());
  };

  it('keeps what is too long for its column apart from what stands beside it', () => {
    const long = 'x'.repeat(80);
    expect(shown((screen) => screen.command(long, 'meaning'))).toBe(`  ${long}  meaning\n`);
    expect(shown((screen) => screen.fact(long, 'value'))).toBe(`  ${long}  value\n`);
    expect(shown((screen) => screen.done(long, 'text'))).toBe(`  ✓ ${long}  text\n`);
  });

  it('begins what is short in one column', () => {
    const at = (word: string) => shown((screen) => screen.command(word, 'meaning')).indexOf('meaning');
    expect(at('pnpm start')).toBe(at('pnpm dsops rotation status'));
  });
});
