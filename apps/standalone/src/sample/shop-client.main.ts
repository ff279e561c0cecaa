/**
 * The independent witness of the sample: a process of its own that logs in to the shop again and again with whatever
 * CURRENT is at that moment, and with nothing else. It holds no database rights and no key of dsops beside an API key.
 *
 * Started with an IPC channel. In: {url, key}, then {finish: true}. Out: {ready: true} after the first login, and at
 * the end a {@link Report}.
 */
import pg from 'pg';
import { ApiClient, apiKey } from '@dsops/api-client';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import { checkOut, releaseCheckOut } from '@dsops/contracts/rotation/api';
import { postgresql } from '@dsops/contracts/rotation/targets/postgresql';
import { Secret } from '@dsops/kernel';
import { SAMPLE } from './world.js';

export interface Report {
  readonly tried: number;
  readonly refused: number;
  /** Logins that were accepted, by version. */
  readonly accepted: Record<string, number>;
  /** What the server says to the first password this process ever got, tried once more at the very end. */
  readonly firstPassword: 'refused' | 'accepted';
}

type CheckedOut = ResponseOf<typeof checkOut>;

async function logIn({ user, password, target }: CheckedOut): Promise<'accepted' | 'refused'> {
  const { host, port, database } = postgresql.target.parse(target);
  const client = new pg.Client({ user, password, host, port, database, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select count(*) from shop.orders');
    return 'accepted';
  } catch {
    return 'refused';
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function watch(api: ApiClient, isFinished: () => boolean): Promise<Report> {
  const accepted: Record<string, number> = {};
  let first: CheckedOut | undefined;
  let refused = 0;
  let tried = 0;
  while (!isFinished()) {
    const current = await api.call(checkOut, {
      params: SAMPLE,
      body: { ttl: '1m', purpose: 'the shop logs in' },
    });
    first ??= current;
    tried += 1;
    if ((await logIn(current)) === 'accepted') accepted[current.version] = (accepted[current.version] ?? 0) + 1;
    else refused += 1;
    await api.call(releaseCheckOut, { params: { checkOutId: current.id } });
    if (tried === 1) process.send?.({ ready: true });
  }
  return { tried, refused, accepted, firstPassword: first === undefined ? 'refused' : await logIn(first) };
}

let isFinished = false;
process.on('disconnect', () => process.exit(0));
// Ctrl-C on a terminal reaches this process too; the one that started it decides.
process.on('SIGINT', () => undefined);
process.on('message', (message: { url: string; key: string } | { finish: true }) => {
  if ('finish' in message) {
    isFinished = true;
    return;
  }
  watch(new ApiClient({ url: message.url, credentials: apiKey(new Secret(message.key)) }), () => isFinished).then(
    (report) => process.send?.(report, () => process.exit(0)),
    () => process.exit(1),
  );
});
