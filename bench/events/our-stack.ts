import type pg from 'pg';
import type { Bench } from '../bench.js';
import { startOurDatabase } from '../servers.js';
import { EffectReader, makeTables } from './effects.js';
import { skewedKeys, type DrawKey } from './keys.js';
import { startStackServers, type StackServers } from './stack-servers.js';
import { StackStream } from './stack-stream.js';

export const KEYS = 200;
/** Commands at the same time. */
export const LANES = 16;

/** Our events on Dapr and Kafka, with durable settings: what is said as `rotation` has its effects at `notification`. */
export interface OurStack {
  readonly servers: StackServers;
  readonly stream: StackStream;
  readonly reader: EffectReader;
  /** Some keys come far more often than others. */
  readonly draw: DrawKey;
  /** The superuser of our database. */
  readonly admin: pg.Pool;
}

export async function startOurStack(bench: Bench): Promise<OurStack> {
  const folder = bench.temporaryFolder();
  bench.progress('a database');
  const { admin, options } = await startOurDatabase(bench, folder);
  await makeTables(admin, 'rotation', 'notification');
  const servers = await startStackServers(bench, folder);
  const draw = skewedKeys(KEYS);
  const reader = new EffectReader(admin, 'rotation', 'notification');
  const stream = await StackStream.start(bench, servers, options, { reader, draw, lanes: LANES });
  return { servers, stream, reader, draw, admin };
}
