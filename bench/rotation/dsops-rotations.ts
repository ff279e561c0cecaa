import type pg from 'pg';
import { addService, startRotation } from '@dsops/contracts/rotation/api';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import type { Transport } from '@dsops/messaging';
import { serviceOf, type PreparedCredential } from '../credentials.js';
import { inLanes } from '../lanes.js';
import { hostRotation, type RotationHome } from '../rotation-host.js';
import type { RecordingDriver } from './recording-driver.js';
import { WatchedTransport } from './watched-transport.js';

const MOST_MS = 120_000;

export interface Measured {
  /** From the first look of a worker until the last rotation was said to have ended. */
  readonly rotatingMs: number;
  /** Asking for all of them, with as many requests at a time. */
  readonly askingMs: number;
}

/** Is told when rotating begins and when it is over, and not of what is around it. */
export interface Around {
  /** Everything was asked for; nothing rotates yet. */
  prepare(): Promise<void>;
  begin(): void;
  end(): void;
}

/**
 * Rotations by the rotation service. Asking and rotating are measured apart: a host that rotates nothing takes the
 * requests, then another one with the worker finds them all due.
 */
export class DsopsRotations {
  private readonly transport: WatchedTransport;

  constructor(
    private readonly home: RotationHome,
    private readonly journal: pg.Pool,
    private readonly driver: RecordingDriver,
    transport: Transport,
  ) {
    this.transport = new WatchedTransport(transport);
  }

  /** Services with these credentials, named `c0`, `c1` … */
  async addServices(
    target: PostgresqlTarget,
    credentials: readonly PreparedCredential[],
    lanes: number,
  ): Promise<void> {
    await this.hosted(0, ({ client }) =>
      inLanes(lanes, credentials, (credential, nth) =>
        client.call(addService, { body: serviceOf(target, `c${nth}`, credential) }),
      ),
    );
  }

  /** Rotates the first `count` services once. @throws Error when one does not complete */
  async run(parallel: number, count: number, around?: Around): Promise<Measured> {
    const { ids, askingMs } = await this.ask(parallel, count);
    await around?.prepare();
    this.driver.begin(() => around?.begin());
    const ended = this.transport.untilEnded(ids, MOST_MS);
    const endedAtMs = await this.hosted(parallel, async () => {
      const ends = await ended;
      const atMs = Date.now();
      around?.end();
      const bad = [...new Set(ends.values())].filter((end) => end !== 'completed');
      if (bad.length > 0) throw new Error(`A rotation did not complete: ${bad.join(', ')}.`);
      return atMs;
    });
    return { askingMs, rotatingMs: endedAtMs - (await this.beganAtMs(ids)) };
  }

  private async ask(parallel: number, count: number): Promise<{ ids: string[]; askingMs: number }> {
    const names = Array.from({ length: count }, (_, nth) => `c${nth}`);
    const ids: string[] = [];
    const askingMs = await this.hosted(0, async ({ client }) => {
      const startedMs = performance.now();
      await inLanes(parallel, names, async (service) => {
        const params = { environment: 'production', service };
        ids.push((await client.call(startRotation, { params, body: { onConflict: 'reject' } })).id);
      });
      return performance.now() - startedMs;
    });
    return { ids, askingMs };
  }

  /** When a worker first looked at one of them: the second entry of a journal; the first one was written by the request. */
  private async beganAtMs(ids: readonly string[]): Promise<number> {
    const { rows } = await this.journal.query<{ at: Date | null; rotations: string }>(
      'select min(at) as at, count(*) as rotations from rotation.rotation_journal where seq = 2 and rotation_id = any($1)',
      [ids],
    );
    const [row] = rows;
    if (row?.at == null || Number(row.rotations) !== ids.length) throw new Error('A rotation has no journal.');
    return row.at.getTime();
  }

  private async hosted<T>(
    concurrency: number,
    work: (host: Awaited<ReturnType<typeof hostRotation>>) => Promise<T>,
  ): Promise<T> {
    const host = await hostRotation(this.home, { concurrency, drivers: [this.driver], transport: this.transport });
    try {
      return await work(host);
    } finally {
      await host.close();
    }
  }
}
