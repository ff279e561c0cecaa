import type pg from 'pg';
import type { Command } from './contender.js';

const MOST_MS = 120_000;
const LOOK_EVERY_MS = 10;

/** Makes the tables of commands and effects in a schema. Nothing in them forbids a second effect: that is looked at. */
export async function makeTables(admin: pg.Pool, commandSchema: string, effectSchema: string): Promise<void> {
  await admin.query(`
    create table ${commandSchema}.bench_commands (id text primary key);
    create table ${effectSchema}.bench_effects (
      nth bigint generated always as identity, command text not null, key text not null, sequence bigint,
      said_at timestamptz, at timestamptz not null default clock_timestamp());
    grant all on ${commandSchema}.bench_commands to public;
    grant all on ${effectSchema}.bench_effects to public`);
}

/** Counts effects from outside, and judges them. */
export class EffectReader {
  constructor(
    private readonly admin: pg.Pool,
    private readonly commandSchema: string,
    private readonly effectSchema: string,
  ) {}

  async clear(): Promise<void> {
    await this.admin.query(
      `truncate ${this.commandSchema}.bench_commands, ${this.effectSchema}.bench_effects restart identity`,
    );
  }

  async untilCount(count: number): Promise<void> {
    const deadline = performance.now() + MOST_MS;
    for (;;) {
      const effects = await this.count(count);
      if (effects >= count) return;
      if (performance.now() > deadline) throw new Error(`${effects} of ${count} effects after ${MOST_MS / 1_000} s.`);
      await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
    }
  }

  /** Rows are counted once enough were begun: to count them at each look would take from what is measured. */
  private async count(enough: number): Promise<number> {
    const table = `${this.effectSchema}.bench_effects`;
    const begun = await this.admin.query<{ rows: number }>(`select last_value::int as rows from ${table}_nth_seq`);
    if (begun.rows[0]!.rows < enough) return begun.rows[0]!.rows;
    const written = await this.admin.query<{ rows: number }>(`select count(*)::int as rows from ${table}`);
    return written.rows[0]!.rows;
  }

  /** Of effects with a sequence also their order within each key: 1, 2, 3 … after what the key had before. */
  async problems(name: string, commands: readonly Command[]): Promise<string[]> {
    const { rows } = await this.admin.query<{ command: string; key: string; sequence: string | null }>(
      `select command, key, sequence from ${this.effectSchema}.bench_effects order by nth`,
    );
    const times = new Map(commands.map(({ id }) => [id, 0]));
    for (const { command } of rows) times.set(command, (times.get(command) ?? 0) + 1);
    const counts = [...times.values()];
    const lost = counts.filter((count) => count === 0).length;
    const doubled = counts.filter((count) => count > 1).length;

    const last = new Map<string, number>();
    let displaced = 0;
    for (const { key, sequence } of rows) {
      if (sequence === null) continue;
      const before = last.get(key);
      if (before !== undefined && Number(sequence) !== before + 1) displaced += 1;
      last.set(key, Number(sequence));
    }
    return [
      ...(lost > 0 ? [`${name}: ${lost} effects are missing.`] : []),
      ...(doubled > 0 ? [`${name}: ${doubled} effects happened more than once.`] : []),
      ...(displaced > 0 ? [`${name}: ${displaced} effects are not behind the one before them.`] : []),
    ];
  }
}
