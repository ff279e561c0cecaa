import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { processorMs } from '../memory.js';

export interface StatementCost {
  readonly text: string;
  readonly calls: number;
  readonly ms: number;
}

/** What a server did while something was measured. */
export interface ServerCosts {
  /** Of the server with all its sessions; null where the system does not tell. */
  readonly processorMs: number | null;
  readonly walBytes: number;
  /** Transactions that wrote something, which is why they wait for the disk at their commit. */
  readonly writes: number;
  /** Beside BEGIN, COMMIT and ROLLBACK. */
  readonly statements: number;
  /** The most expensive first, by the time that the server needed. */
  readonly top: readonly StatementCost[];
}

/** What of its place in the log and in the order of transactions tells how much was written. */
interface Position {
  readonly lsn: string;
  readonly nextTransaction: string;
}

/** Statements, commits and processor time of a server, by pg_stat_statements and by what its system tells. */
export class ServerWatch {
  private processorMs: number | null = null;
  private position: Position = { lsn: '0/0', nextTransaction: '0' };

  private constructor(
    private readonly superuser: pg.Pool,
    private readonly postmaster: number,
  ) {}

  /** @param superuser of a database of a server that was started with pg_stat_statements */
  static async of(superuser: pg.Pool, dataDir: string): Promise<ServerWatch> {
    await superuser.query('create extension if not exists pg_stat_statements');
    return new ServerWatch(superuser, Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]));
  }

  async begin(): Promise<void> {
    await this.superuser.query('select pg_stat_statements_reset()');
    this.position = await this.place();
    this.beginProcessor();
  }

  /** Later than {@link begin}, for what comes before it is measured. */
  beginProcessor(): void {
    this.processorMs = processorMs(this.postmaster);
  }

  async end(): Promise<ServerCosts> {
    const endMs = processorMs(this.postmaster);
    const position = await this.place();
    const { rows } = await this.superuser.query<StatementCost>(
      `select query as text, sum(calls)::float8 as calls, sum(total_exec_time) as ms from pg_stat_statements
        where query !~ '^/\\* bench' and query !~* '^select pg_stat_statements_reset'
        group by query order by 3 desc`,
    );
    const wal = await this.superuser.query<{ bytes: number }>('select pg_wal_lsn_diff($1, $2)::float8 as bytes', [
      position.lsn,
      this.position.lsn,
    ]);
    // Prepared ones are counted once only, so nothing is to be learned from them.
    const isControl = ({ text }: StatementCost) => /^(begin|commit|rollback|deallocate)/i.test(text);
    return {
      processorMs: endMs === null || this.processorMs === null ? null : endMs - this.processorMs,
      walBytes: wal.rows[0]!.bytes,
      writes: Number(position.nextTransaction) - Number(this.position.nextTransaction),
      statements: rows.filter((row) => !isControl(row)).reduce((sum, { calls }) => sum + calls, 0),
      top: rows,
    };
  }

  private async place(): Promise<Position> {
    const { rows } = await this.superuser.query<Position>(
      '/* bench */ select pg_current_wal_lsn() as lsn, pg_snapshot_xmax(pg_current_snapshot())::text as "nextTransaction"',
    );
    return rows[0]!;
  }
}
