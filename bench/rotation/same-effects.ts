import type { PostgresqlTarget } from '@dsops/contracts/rotation/targets/postgresql';
import { PostgresqlDriver } from '@dsops/drivers/postgresql/postgresql.driver';
import { Secret } from '@dsops/kernel';
import type { PreparedCredential } from '../credentials.js';
import { inLanes } from '../lanes.js';
import type { TargetCall } from './recording-driver.js';

type Session = Awaited<ReturnType<PostgresqlDriver['openSession']>>;
const verification = { check: { query: 'SELECT 1' }, timeoutMs: 10_000 };

/**
 * Does through the same driver what one rotation was seen to do at the target, and keeps no journal: what is left of a
 * rotation's time when nothing is remembered.
 */
export class SameEffects {
  private readonly driver = new PostgresqlDriver();
  private readonly inUse: { slot: string; password: Secret }[];

  constructor(
    private readonly target: PostgresqlTarget,
    private readonly credentials: readonly PreparedCredential[],
    /** Of one rotation, seen while no other one ran. */
    private readonly script: readonly TargetCall[],
  ) {
    this.inUse = credentials.map(({ slots, password }) => ({ slot: slots[0], password: new Secret(password) }));
  }

  /** Does it for the first `count` credentials. Answers how long that took, in milliseconds. */
  async run(parallel: number, count: number): Promise<number> {
    const startedMs = performance.now();
    await inLanes(parallel, this.credentials.slice(0, count), (credential, nth) => this.play(credential, nth));
    return performance.now() - startedMs;
  }

  private async play({ slots, admin }: PreparedCredential, nth: number): Promise<void> {
    const old = this.inUse[nth]!;
    const fresh = { slot: slots.find((slot) => slot !== old.slot)!, password: this.driver.generate() };
    const newSlotInScript = this.script.find((call) => call.do === 'set')?.slot;
    let session: Session | null = null;
    for (const call of this.script)
      switch (call.do) {
        case 'probe': {
          const { slot, password } = call.slot === newSlotInScript ? fresh : old;
          const tried = call.isAccepted ? password : this.driver.generate();
          const { verdict } = await this.driver.probe(this.target, { username: slot, password: tried }, verification);
          if (verdict !== (call.isAccepted ? 'accepted' : 'refused'))
            throw new Error(`A probe of ${slot} was ${verdict}.`);
          break;
        }
        case 'open-session':
          session = await this.driver.openSession(
            {
              target: this.target,
              admin: { username: admin.username, password: new Secret(admin.password) },
            },
            'same effects',
          );
          break;
        case 'set':
          assertApplied(await session?.set({ name: fresh.slot, login: fresh.slot }, fresh.password));
          break;
        case 'retire':
          assertApplied(
            await session?.retire({ name: old.slot, login: old.slot }, old.password, { endSessions: call.endSessions }),
          );
          break;
        case 'close':
          await session?.close();
          break;
        case 'inspect':
        case 'end-session':
          throw new Error(`A rotation in which nothing goes wrong does no ${call.do}.`);
      }
    this.inUse[nth] = fresh;
  }
}

function assertApplied(outcome: { readonly kind: string } | undefined): void {
  if (outcome?.kind !== 'applied') throw new Error(`A command at the target was ${outcome?.kind ?? 'not sent'}.`);
}
