import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ApiClient } from '@dsops/api-client';
import { createApiKey, revokeApiKey } from '@dsops/contracts/gateway/api';
import {
  addService,
  getRotation,
  getStatus,
  listRotations,
  startRotation,
  type RotationView,
} from '@dsops/contracts/rotation/api';
import { TERMINAL_STATES } from '@dsops/contracts/rotation/states';
import { DomainError } from '@dsops/kernel';
import { logPlace } from '@dsops/platform';
import type { Screen } from '../screen.js';
import type { Report } from './shop-client.main.js';
import { whatToShow } from './what-to-show.js';
import { makeShop, SAMPLE, type SampleServer } from './world.js';

/**
 * The sample of the first start: makes the shop, rotates its login for real while a client in another process keeps
 * logging in, and says what that client saw. Whatever an earlier start has done already is not done again; a rotation
 * that was interrupted is brought to its end.
 * @param isDemo it rotates also when an earlier start has done so
 * @returns whether a rotation was to be seen
 */
export async function showSample(
  api: ApiClient,
  server: SampleServer,
  screen: Screen,
  { isDemo = false }: { readonly isDemo?: boolean } = {},
): Promise<boolean> {
  await addShopOnce(api, server, screen);
  const interrupted = await openRotation(api);
  if (interrupted !== undefined) {
    screen.heading('Finishing the rotation that was interrupted');
    await follow(api, interrupted, screen);
  }
  const status = await shopStatus(api);
  const shown = whatToShow({
    successes: status.success_count,
    needsOperator: status.status === 'needs_operator',
    hasFinishedOne: interrupted !== undefined,
    isDemo,
  });
  if (shown === 'rotate') await rotateBeforeAWitness(api, screen, isDemo ? 'demonstration' : 'first start');
  else if (shown === 'tell') {
    screen.heading('The sample is still here');
    const last = status.last_rotation === null ? 'never' : new Date(status.last_rotation).toLocaleString();
    screen.done(SAMPLE.service, `${status.status}, rotated ${status.success_count}×, last ${last}`);
  }
  return shown !== 'tell';
}

async function addShopOnce(api: ApiClient, server: SampleServer, screen: Screen): Promise<void> {
  const items = await api.list(getStatus, { query: { environment: SAMPLE.environment } });
  if (items.some(({ service_name }) => service_name === SAMPLE.service)) return;
  screen.heading('A small world to try it on');
  const startedAt = performance.now();
  const shop = await makeShop(server);
  screen.done('database shop', 'with the logins shop_app_a and shop_app_b', performance.now() - startedAt);
  const addedAt = performance.now();
  await api.call(addService, { body: shop });
  screen.done(SAMPLE.service, 'its login was tried and taken over, unchanged', performance.now() - addedAt);
}

async function shopStatus(api: ApiClient) {
  const { items } = await api.call(getStatus, { query: SAMPLE_QUERY });
  const [status] = items;
  if (status === undefined) throw new DomainError('sample_missing', 'internal', 'The sample service is missing.');
  return status;
}

const SAMPLE_QUERY = { environment: SAMPLE.environment, service: SAMPLE.service };

async function openRotation(api: ApiClient): Promise<RotationView | undefined> {
  const { items } = await api.call(listRotations, { query: { ...SAMPLE_QUERY, limit: 5 } });
  return items.find(({ state }) => !TERMINAL_STATES.includes(state) && state !== 'needs_operator');
}

async function rotateBeforeAWitness(api: ApiClient, screen: Screen, reason: string): Promise<void> {
  screen.heading('Rotating its password while the shop keeps logging in');
  const { id, key } = await api.call(createApiKey, { body: { name: 'shop (sample)', role: 'operator' } });
  const witness = await startWitness(api.url, key);
  try {
    await pause(500);
    const rotation = await api.call(startRotation, { params: SAMPLE, body: { reason } });
    const ended = await follow(api, rotation, screen);
    await pause(500);
    const report = await finish(witness);
    if (ended.state === 'completed') describe(report, ended, screen);
  } finally {
    witness.kill();
    await api.call(revokeApiKey, { params: { keyId: id } });
  }
}

async function startWitness(url: string, key: string): Promise<ChildProcess> {
  const witness = fork(fileURLToPath(new URL('./shop-client.main.js', import.meta.url)), { stdio: 'ignore' });
  // The key goes through the channel: arguments and environment of a process can be read by others.
  witness.send({ url, key });
  await Promise.race([once(witness, 'message'), once(witness, 'exit').then(() => Promise.reject(witnessGone()))]);
  return witness;
}

async function finish(witness: ChildProcess): Promise<Report> {
  const answer = once(witness, 'message') as Promise<[Report]>;
  witness.send({ finish: true });
  const [report] = await Promise.race([answer, once(witness, 'exit').then(() => Promise.reject(witnessGone()))]);
  return report;
}

const witnessGone = () =>
  new DomainError('sample_client_ended', 'internal', 'The client of the sample ended before its time.', {
    remedy: `The log says why: ${logPlace()}. Then start again.`,
  });

/** What the person in front of the screen should understand of each step, when it went well. */
const WORDS: Readonly<Record<string, string>> = {
  'check-path': 'a random wrong password is refused',
  'probe-old': 'the password in use is accepted',
  generate: 'a new password is generated and sealed',
  set: 'the second login gets the new password',
  'probe-new': 'the new password is accepted, the query works',
  promote: 'CURRENT names the new password from now on',
  publish: 'CURRENT was read back',
  grace: 'nobody holds the old password any more',
  'retire-old': 'the old login is closed',
  'probe-old-refused': 'the old password is refused',
  complete: 'every step is in the journal',
};

/** A start waits no longer for who holds the old password; the shop's own client holds it for less. */
const LONGEST_WAIT_MS = 90_000;

/** Prints each step as it ends, until the rotation rests. */
async function follow(api: ApiClient, rotation: RotationView, screen: Screen): Promise<RotationView> {
  let shown = 0;
  for (;;) {
    const view = await api.call(getRotation, { params: { rotationId: rotation.id } });
    for (const step of view.steps.slice(shown)) showStep(step, screen);
    shown = view.steps.length;
    if (view.state === 'completed') {
      screen.done('completed', 'without an outage', view.durationMs);
      return view;
    }
    if (view.waitsFor && Date.parse(view.waitsFor.until) - Date.now() > LONGEST_WAIT_MS) {
      screen.skipped('waits', view.waitsFor.reason);
      screen.text(`It goes on by itself, at ${new Date(view.waitsFor.until).toLocaleTimeString()} at the latest.`);
      return view;
    }
    if (TERMINAL_STATES.includes(view.state) || view.state === 'needs_operator') {
      screen.bad(view.state, view.error?.message ?? 'see: dsops rotation show');
      return view;
    }
    await pause(40);
  }
}

/** Steps that the sample leaves out for want of settings, which is news; others never apply to its plan. */
const COME_WITH_SETTINGS: ReadonlySet<string> = new Set(['rollout', 'monitor']);

function showStep({ name, outcome, note, durationMs }: RotationView['steps'][number], screen: Screen): void {
  if (outcome === 'skipped') {
    if (note !== null && COME_WITH_SETTINGS.has(name)) screen.skipped(name, note);
  } else if (outcome === 'done' || outcome === 'accepted' || outcome === 'refused' || outcome === 'completed')
    screen.done(name, WORDS[name] ?? note ?? outcome, durationMs);
  else screen.bad(name, note ?? outcome);
}

function describe(report: Report, rotation: RotationView, screen: Screen): void {
  screen.heading('What the shop saw meanwhile, from a process of its own');
  const accepted = Object.entries(report.accepted).map(([version, count]) => `${count} with ${version}`);
  screen.fact('logins tried', `${report.tried}  (${accepted.join(', ')})`);
  screen.fact('refused', String(report.refused));
  screen.fact('the old password now', `${report.firstPassword} by the server`);
  screen.fact('CURRENT', rotation.newVersion ?? 'unknown');
}
