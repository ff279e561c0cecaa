import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { Secret } from '@dsops/kernel';
import { scramVerifier } from '@dsops/drivers';
import type { PreparedCredential } from '../credentials.js';
import { inLanes } from '../lanes.js';

/** What a script would do, and what it would forget if it died: there is no journal. Each lane keeps its administrator. */
export class BareLoop {
  private readonly inUse: { slot: 0 | 1; password: string }[];

  constructor(
    private readonly target: PostgresqlTarget,
    private readonly credentials: readonly PreparedCredential[],
  ) {
    this.inUse = credentials.map(({ password }) => ({ slot: 0, password }));
  }

  /** Rotates the first `count` credentials once. Answers how long that took, in milliseconds. */
  async run(parallel: number, count: number): Promise<number> {
    const lanes = Array.from({ length: parallel }, (_, lane) => lane);
    const admins = new Map<string, pg.Client[]>();
    const opened: pg.Client[] = [];
    // Whoever administers which credential: the connections are there before the clock runs.
    for (const { admin } of this.credentials.slice(0, count)) {
      if (admins.has(admin.username)) continue;
      const ofTeam = await Promise.all(lanes.map(() => this.connect(admin.username, admin.password)));
      admins.set(admin.username, ofTeam);
      opened.push(...ofTeam);
    }
    try {
      const startedMs = performance.now();
      await inLanes(parallel, this.credentials.slice(0, count), async (credential, nth) => {
        const free = admins.get(credential.admin.username)!;
        const admin = free.pop()!;
        await this.rotate(admin, credential, nth);
        free.push(admin);
      });
      return performance.now() - startedMs;
    } finally {
      await Promise.all(opened.map((client) => client.end()));
    }
  }

  private async rotate(admin: pg.Client, { slots }: PreparedCredential, nth: number): Promise<void> {
    const { slot: oldSlot, password: oldPassword } = this.inUse[nth]!;
    const slot = oldSlot === 0 ? 1 : 0;
    const password = randomBytes(24).toString('base64url');
    const verifier = pg.escapeLiteral(await scramVerifier(new Secret(password)));
    await admin.query(`alter role ${slots[slot]} login password ${verifier}`);
    const login = await this.connect(slots[slot], password);
    await login.query('SELECT 1');
    await login.end();
    await admin.query(`alter role ${slots[oldSlot]} nologin password null`);
    await this.assertRefused(slots[oldSlot], oldPassword);
    this.inUse[nth] = { slot, password };
  }

  private async connect(user: string, password: string): Promise<pg.Client> {
    const { host, port, database } = this.target;
    const client = new pg.Client({ host, port, database, user, password, application_name: 'bare loop' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  private async assertRefused(user: string, password: string): Promise<void> {
    const login = await this.connect(user, password).catch((error: unknown) => error);
    if (login instanceof pg.Client) {
      await login.end();
      throw new Error(`The bare loop retired ${user}, and the target still lets it in.`);
    }
    if (!(login instanceof pg.DatabaseError) || login.code !== '28P01') throw login;
  }
}
