import { Body, Controller, Get, HttpCode, Param, Post, Query, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import type { ServiceName } from '@dsops/contracts/service-names';
import { deadLetterStatusSchema, type DeadLetterView } from '@dsops/contracts/gateway/api';
import { pageQuery } from '@dsops/contracts/page';
import { InternalGuard } from '../internal-guard.http.js';
import { MessagingRuntime } from '../messaging-runtime.service.js';
import { parseRequest } from '../parse-request.http.js';
import { isBlocking, listLetters, type Letter } from '../letters/letter.repository.js';
import { drop, replay, requireLetter } from './replay.service.js';

const text = z.string().min(1).optional();
const listQuery = z.strictObject({
  status: deadLetterStatusSchema.default('open'),
  consumer: text,
  type: text,
  topic: text,
  key: text,
  ...pageQuery,
});
/** Who gives it up and why, in words. */
const dropRequest = z.strictObject({ note: z.string().min(1) });

/** Dead letters of this service's consumers. The gateway shows those of all services together. */
@Controller('internal/dead-letters')
@UseGuards(InternalGuard)
export class DeadLettersController {
  constructor(private readonly runtime: MessagingRuntime) {}

  @Get()
  async list(@Query() query: unknown): Promise<{ items: DeadLetterView[]; next: string | null }> {
    const { limit, cursor, ...filter } = parseRequest(listQuery, query);
    const letters = await listLetters(this.runtime.database, { ...filter, limit: limit + 1, before: cursor });
    const page = letters.slice(0, limit);
    return {
      items: page.map((letter) => viewOf(this.runtime.service, letter)),
      next: letters.length > limit ? page.at(-1)!.id : null,
    };
  }

  @Get(':id')
  async show(@Param('id') id: string): Promise<DeadLetterView & { event: unknown }> {
    const letter = await requireLetter(this.runtime.database, id);
    return { ...viewOf(this.runtime.service, letter), event: JSON.parse(letter.body) as unknown };
  }

  @Post(':id/replay')
  @HttpCode(200)
  async replay(@Param('id') id: string): Promise<DeadLetterView> {
    return viewOf(this.runtime.service, await replay(this.runtime.database, this.runtime.consumers, id));
  }

  @Post(':id/drop')
  @HttpCode(200)
  async drop(@Param('id') id: string, @Body() body: unknown): Promise<DeadLetterView> {
    const { note } = parseRequest(dropRequest, body);
    return viewOf(this.runtime.service, await drop(this.runtime.database, this.runtime.consumers, id, note));
  }
}

const DAY_MS = 86_400_000;

const viewOf = (owner: ServiceName, letter: Letter): DeadLetterView => ({
  id: letter.id,
  owner,
  consumer: letter.consumer,
  status: letter.status,
  blocksKey: letter.blocksKey,
  reason: letter.reason,
  note: letter.note,
  attempts: letter.attempts,
  type: letter.type,
  topic: letter.topic,
  key: letter.key,
  sequence: String(letter.sequence),
  eventId: letter.eventId,
  at: letter.at.toISOString(),
  keptUntil: isBlocking(letter)
    ? null
    : new Date((letter.closedAt ?? letter.at).getTime() + letter.keepDays * DAY_MS).toISOString(),
});
