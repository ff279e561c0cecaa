import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { BadInputWorld, ENVIRONMENT } from './bad-input-world.js';
import type { CollectedSpan } from './span-collector.js';

/** One request, and everything that happened because of it, in every service: one trace. */
describe('a rotation', () => {
  let world: BadInputWorld;
  let trace: readonly CollectedSpan[];

  beforeAll(async () => {
    world = await BadInputWorld.start();
    const shop = await world.makeShop('traced');
    await world.addShop(shop, 'traced');
    const path = `/environments/${ENVIRONMENT}/services/traced/rotations`;
    const { body } = await world.installation.api('POST', path, { body: {} });
    const { spans } = world.installation.collector;
    trace = await eventually(async () => {
      const rotation = await world.installation.api('GET', `/rotations/${String(body?.id)}`);
      expect(rotation.body).toMatchObject({ state: 'completed' });
      const request = spans.find(({ name }) => name === 'startRotation');
      const all = spans.filter(({ traceId }) => traceId === request?.traceId);
      // The last thing that happens: the gateway's feed has the news of its end.
      expect(all.filter(({ name }) => name === 'process dsops.rotation.rotation.completed.v1')).toHaveLength(3);
      return all;
    }, 60_000);
  });
  afterAll(() => world?.close());

  const named = (name: string) => trace.filter((span) => span.name === name);

  it('is one trace, from the request through outbox and transport to each consumer', () => {
    for (const name of ['startRotation', 'outbox', 'publish rotation-events'])
      expect(named(name).length).toBeGreaterThan(0);
    for (const consumer of ['audit', 'notification', 'feed'])
      expect(named('process dsops.rotation.rotation.started.v1').map(({ tags }) => tags['dsops.consumer'])).toContain(
        consumer,
      );
  });

  it('has what was done at the target in the same trace, with what came of it', () => {
    expect(named('target set').map(({ tags }) => tags['dsops.outcome'])).toEqual(['applied']);
    expect(named('target retire').map(({ tags }) => tags['dsops.outcome'])).toEqual(['applied']);
    expect(named('target probe').length).toBeGreaterThan(2);
  });

  it('names the parent of each span, and begins with the request', () => {
    const ids = new Set(trace.map(({ id }) => id));
    const roots = trace.filter(({ parentId }) => parentId === undefined || !ids.has(parentId));
    expect(roots.map(({ kind }) => kind)).toEqual(['SERVER']);
  });

  it('is told as Zipkin wants it', () => {
    expect(world.installation.collector.refused).toEqual([]);
  });

  it('is counted in the metrics, from what was said about it', async () => {
    const metrics = await world.installation.metrics();
    for (const line of [
      'dsops_rotation_started_total{service="rotation"} 1',
      'dsops_rotation_completed_total{status="completed",service="rotation"} 1',
      'dsops_rotation_duration_seconds_count{status="completed",service="rotation"} 1',
      'dsops_verification_duration_seconds_count{service="rotation"} 1',
      'dsops_outbox_unsent{service="rotation"} 0',
      'dsops_dead_letters_open',
    ])
      expect(metrics).toContain(line);
    expect(metrics).toMatch(
      /^dsops_notifications_total\{channel="inbox",outcome="delivered",service="notification"\} [1-9]/m,
    );
    expect(metrics).toMatch(/^dsops_events_applied_total\{consumer="audit",service="audit"\} [1-9]/m);
    expect(metrics).toMatch(
      /^http_requests_total\{method="POST",route="[^"]*",status="20[0-9]",service="gateway"\} [1-9]/m,
    );
  });
});
