import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { AuditEntry } from '@dsops/contracts/audit/api';
import { CHAIN_START, hashOf, walkEnd, walkOn, walkStart, type Head, type UnhashedEntry } from './chain.js';

function aChain(length: number): AuditEntry[] {
  let head: Head = CHAIN_START;
  return Array.from({ length }, (_, index) => {
    const entry: UnhashedEntry = {
      position: index + 1,
      eventId: `01JD000000000000000000000${index}`,
      at: '2026-11-21T12:00:00.000Z',
      actor: { kind: 'user', id: 'u', name: 'Ada' },
      action: 'rotation.rotation.started',
      entity: { kind: 'rotation', id: 'r' },
      details: { b: 1, a: 'ü' },
    };
    const hash = hashOf(head.hash, entry);
    head = { position: entry.position, hash };
    return { ...entry, hash: hash.toString('hex') };
  });
}

function walk(entries: readonly AuditEntry[], head: Head = headOf(entries)) {
  return walkEnd(entries.reduce(walkOn, walkStart), head);
}

function headOf(entries: readonly AuditEntry[]): Head {
  const last = entries.at(-1)!;
  return { position: last.position, hash: Buffer.from(last.hash, 'hex') };
}

describe('the chain', () => {
  it('hashes the previous hash and the entry in the one canonical form, as anybody can do it', () => {
    const [first] = aChain(1);
    const text =
      '{"action":"rotation.rotation.started","actor":{"id":"u","kind":"user","name":"Ada"},"at":"2026-11-21T12:00:00.000Z",' +
      '"details":{"a":"ü","b":1},"entity":{"id":"r","kind":"rotation"},"eventId":"01JD0000000000000000000000","position":1}';
    const expected = createHash('sha256').update(Buffer.alloc(32)).update(Buffer.from(text, 'utf8')).digest('hex');
    expect(first!.hash).toBe(expected);
  });

  it('holds from the first entry to the last', () => {
    const chain = aChain(5);
    expect(walk(chain)).toMatchObject({ entries: 5, firstBroken: null });
  });

  it('is empty at the start', () => {
    expect(walkEnd(walkStart, CHAIN_START)).toMatchObject({ entries: 0, firstBroken: null });
  });

  it.each<[string, (chain: AuditEntry[]) => AuditEntry[], number]>([
    ['changed', (c) => c.map((e) => (e.position === 3 ? { ...e, details: { b: 2 } } : e)), 3],
    ['removed', (c) => c.filter((e) => e.position !== 3), 3],
    ['removed at the start', (c) => c.slice(1), 1],
    ['swapped', (c) => [c[0]!, { ...c[2]!, position: 2 }, { ...c[1]!, position: 3 }, c[3]!, c[4]!], 2],
    ['given another hash', (c) => c.map((e) => (e.position === 4 ? { ...e, hash: 'ab'.repeat(32) } : e)), 4],
  ])('shows where an entry was %s', (_, tamper, firstBroken) => {
    const chain = aChain(5);
    expect(walk(tamper(chain), headOf(chain)).firstBroken).toBe(firstBroken);
  });

  it('shows that entries were cut off its end', () => {
    const chain = aChain(5);
    expect(walk(chain.slice(0, 3), headOf(chain)).firstBroken).toBe(4);
  });
});
