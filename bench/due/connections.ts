import type pg from 'pg';

export interface Highest {
  /** The most that was seen at one look. */
  readonly all: number;
  /** How often was looked: a highest of few looks says little. */
  readonly looks: number;
}

const LOOK_EVERY_MS = 10;

/**
 * Counts the sessions of a server from outside, again and again; the one that counts is left out. A session that
 * is still logging in counts as well.
 */
export class ConnectionCounter {
  private highest = 0;
  private looks = 0;
  private isOver = false;
  private running: Promise<void> = Promise.resolve();

  /** @param superuser of the target, under the name that is left out */
  constructor(private readonly superuser: pg.Pool) {}

  begin(): void {
    this.isOver = false;
    this.running = this.look();
    // Its failure is told where it ends.
    this.running.catch(() => undefined);
  }

  /** The most since the last time this was asked. */
  take(): Highest {
    const taken = { all: this.highest, looks: this.looks };
    this.highest = 0;
    this.looks = 0;
    return taken;
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  private async look(): Promise<void> {
    while (!this.isOver) {
      const { rows } = await this.superuser.query<{ sessions: number }>({
        name: 'count sessions',
        text: `select count(*)::int as sessions from pg_stat_activity
                where backend_type = 'client backend' and application_name <> 'dsops bench'`,
      });
      this.highest = Math.max(this.highest, rows[0]!.sessions);
      this.looks += 1;
      await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
    }
  }
}
