import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { createLogger } from './logging.js';
import { startMetricsServer, type MetricsServer } from './metrics.js';
import { startServiceApp, type ServiceApp } from './service-app.js';

@Controller()
class Things {
  @Get('things/:id')
  one(@Param('id') id: string): { id: string } {
    return { id };
  }
}
@Module({ controllers: [Things] })
class ThingsModule {}

describe('the metrics of a service', () => {
  let service: ServiceApp;
  let server: MetricsServer;
  beforeAll(async () => {
    service = await startServiceApp(ThingsModule, { logger: createLogger({ service: 'things', level: 'silent' }) });
    server = await startMetricsServer([service.metrics], { host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server.close();
    await service.close();
  });
  const scrape = async () => (await fetch(server.url)).text();

  it('count requests by route, and not by what stands in it', async () => {
    for (const path of ['/things/1', '/things/2', '/nothing', '/health/live']) await fetch(`${service.url}${path}`);
    const text = await scrape();
    expect(text).toContain('http_requests_total{method="GET",route="/things/:id",status="200",service="things"} 2');
    expect(text).toContain('http_requests_total{method="GET",route="unknown",status="404",service="things"} 1');
    expect(text).toContain(
      'http_request_duration_seconds_count{method="GET",route="/things/:id",status="200",service="things"} 2',
    );
    expect(text).not.toContain('health');
  });

  it('read what somebody else keeps; one that cannot be read takes no other away', async () => {
    let kept = 3;
    service.metrics.kept('kept_total', 'A sum', ['kind'], async () => [{ labels: { kind: 'a' }, value: kept }]);
    service.metrics.gauge('broken', 'A value', [], () => Promise.reject(new Error('the database is away')));
    expect(await scrape()).toContain('kept_total{kind="a",service="things"} 3');
    kept = 5;
    const text = await scrape();
    expect(text).toContain('kept_total{kind="a",service="things"} 5');
    expect(text).not.toMatch(/^broken/m);
    expect(text).toContain('http_requests_total');
  });

  it('are at one path only, and tell when their port cannot be had', async () => {
    expect((await fetch(new URL('/', server.url))).status).toBe(404);
    const port = Number(new URL(server.url).port);
    await expect(startMetricsServer([], { host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'port_in_use' });
  });
});
