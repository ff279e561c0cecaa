import { Controller, Get, Module } from '@nestjs/common';
import { createLogger, startServiceApp } from '@dsops/platform';

/** About the size of a page with two records. */
const PAGE = { items: Array.from({ length: 2 }, (_, nth) => ({ id: String(nth), text: 'x'.repeat(450) })) };

@Controller('audit')
class PageController {
  @Get('page')
  page() {
    return PAGE;
  }
}

@Module({ controllers: [PageController] })
class PageModule {}

// A process of its own, as a service is: it does not share a processor's turn with whoever measures.
const app = await startServiceApp(PageModule, {
  logger: createLogger({ service: 'audit', level: 'silent' }),
  token: process.env.APP_API_TOKEN!,
});
// Ctrl-C reaches the whole group: the bench says when it is over, or is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.once('disconnect', () => process.exit());
process.send?.(app.url);
