import { Body, Controller, Get, HttpCode, Param, Post, Query, UseGuards } from '@nestjs/common';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { DomainError } from '@dsops/kernel';
import { InternalGuard } from '../internal-guard.http.js';
import { MessagingRuntime } from '../messaging-runtime.service.js';
import { parseRequest } from '../parse-request.http.js';
import { answerEvents, answerHeads, retireSubscriber } from './heads.repository.js';
import { eventsQuerySchema, headsRequestSchema, type HeadsAnswer } from './heads.js';

/** What a producer tells its consumers beside the transport: how far it is, and the events themselves. */
@Controller('internal/events')
@UseGuards(InternalGuard)
export class EventsController {
  constructor(private readonly runtime: MessagingRuntime) {}

  @Post('heads')
  @HttpCode(200)
  heads(@Body() body: unknown): Promise<HeadsAnswer> {
    return answerHeads(this.runtime.database, parseRequest(headsRequestSchema, body));
  }

  @Get()
  events(@Query() query: unknown): Promise<{ events: EventEnvelope[] }> {
    return answerEvents(this.runtime.database, this.runtime.service, parseRequest(eventsQuerySchema, query));
  }

  /** By command only: from now on this consumer holds up no pruning. */
  @Post('consumers/:name/retire')
  @HttpCode(200)
  async retire(@Param('name') name: string): Promise<{ retired: true }> {
    if (!(await retireSubscriber(this.runtime.database, name)))
      throw new DomainError('consumer_unknown', 'not_found', `No consumer ${name} has ever reported here.`, {
        remedy: 'Check the name; a consumer is known by its first report.',
      });
    return { retired: true };
  }
}
