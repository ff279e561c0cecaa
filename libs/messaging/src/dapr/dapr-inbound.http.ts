import { Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { Request } from 'express';
import { DaprTransport } from './dapr-transport.service.js';
import { readInbound } from './inbound-body.js';

/** How daprd spells our answers. It also knows DROP; nothing of ours is ever dropped. */
const STATUS = { success: 'SUCCESS', retry: 'RETRY' } as const;
type Status = (typeof STATUS)[keyof typeof STATUS];

/**
 * Where daprd delivers. Always 200 with a status per event: to a 404 daprd would drop them, to a 400 it would send them
 * for ever. https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response-for-bulk-subscribe
 */
@Controller('events')
export class DaprInboundController {
  constructor(@Inject(DaprTransport) private readonly transport: DaprTransport) {}

  @Post(':topic')
  @HttpCode(200)
  async receive(
    @Param('topic') topic: string,
    @Req() request: Request,
  ): Promise<{ status: Status } | { statuses: { entryId: string; status: Status }[] }> {
    const inbound = readInbound(request.body);
    if (inbound.kind === 'single') {
      const [answer = 'retry'] = await this.transport.receive(topic, [inbound.body]);
      return { status: STATUS[answer] };
    }
    const answers = await this.transport.receive(
      topic,
      inbound.entries.map(({ body }) => body),
    );
    return {
      statuses: inbound.entries.map(({ entryId }, nth) => ({ entryId, status: STATUS[answers[nth] ?? 'retry'] })),
    };
  }
}
