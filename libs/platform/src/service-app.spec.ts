import { once } from 'node:events';
import { connect } from 'node:net';
import { Agent, get, type IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { createLogger } from './logging.js';
import { startServiceApp } from './service-app.js';

describe('a service that closes', () => {
  it('answers what it was asked, and drops who is connected and asks nothing', async () => {
    const begun = Promise.withResolvers<void>();
    const isOver = Promise.withResolvers<string>();
    @Controller()
    class Slow {
      @Get('slow')
      answer(): Promise<string> {
        begun.resolve();
        return isOver.promise;
      }
    }
    @Module({ controllers: [Slow] })
    class SlowModule {}
    const service = await startServiceApp(SlowModule, { logger: createLogger({ service: 'slow', level: 'silent' }) });
    const agent = new Agent({ keepAlive: true });
    const response = once(get(`${service.url}/slow`, { agent }), 'response') as Promise<[IncomingMessage]>;
    await begun.promise;
    const silent = connect(Number(new URL(service.url).port), '127.0.0.1').resume();
    await once(silent, 'connect');
    const closed = service.close();
    await once(silent, 'close');
    isOver.resolve('done');
    const [answer] = await response;
    expect(await new Response(ReadableStream.from(answer)).text()).toBe('done');
    await closed;
    agent.destroy();
  });
});
