import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { eventually, startFaultProxy, type FaultProxy } from '@dsops/testing';
import { Target, type Shop } from '../harness/target.js';

/** A target that logs every statement, and that can be reached on ways where things go wrong. */
export class TargetServer extends Target {
  private readonly ways: FaultProxy[] = [];

  static override async start(): Promise<TargetServer> {
    const { server, folder } = await Target.begin({
      log_statement: 'all',
      logging_collector: 'on',
      // The starter waits for this sentence on standard error, where the collector leaves one line of its own.
      log_line_prefix: 'ready to accept connections %a ',
    });
    const target = new TargetServer(server, folder);
    await eventually(() => target.sql('select 1'));
    return target;
  }

  /** Another way to the server, on which things can be lost, delayed or cut off. */
  async way(): Promise<FaultProxy> {
    const way = await startFaultProxy({ host: '127.0.0.1', port: this.port });
    this.ways.push(way);
    return way;
  }

  /** From now on the roles of this shop are let in with any password, as with `trust` in many a test system. */
  async letAnybodyIn({ database, current }: Shop): Promise<void> {
    const before = readFileSync(join(this.folder, 'pg_hba.conf'), 'utf8');
    writeFileSync(join(this.folder, 'pg_hba.conf'), `host all /^${database}_[ab]$ 127.0.0.1/32 trust\n${before}`);
    await this.sql('select pg_reload_conf()');
    const anybody = { username: current.username, password: 'whatever it is' };
    await eventually(async () => expect(await this.accepts(anybody, database)).toBe(true));
  }

  /** Everything that the server has logged. */
  logFiles(): string[] {
    const logs = join(this.folder, 'data', 'log');
    return readdirSync(logs).map((name) => join(logs, name));
  }

  override async stop(): Promise<void> {
    for (const way of this.ways) if (way.isListening()) await way.close();
    await super.stop();
  }
}
