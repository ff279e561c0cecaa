import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { API_VERSION, CLIENT_HEADER, OLDEST_CLIENT } from '@dsops/contracts/api';
import { wordOutage } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import { AuthenticationService } from '../access/authentication.service.js';
import { assertRecentClient } from '../request/client-version.js';
import { filterOf } from './feed-filter.js';
import { readPosition } from './feed-frames.js';
import { FeedHub } from './feed-hub.service.js';

/** `GET /events`: what happens, live. It is no operation of the table, because its answer never ends. */
@Controller(`api/v${API_VERSION}/events`)
export class FeedController {
  constructor(
    private readonly authentication: AuthenticationService,
    private readonly hub: FeedHub,
  ) {}

  @Get()
  async stream(
    @Req() request: Request,
    @Res() response: Response,
    @Query('types') types: unknown,
    @Headers('last-event-id') lastEventId: string | undefined,
  ): Promise<void> {
    const caller = await this.authentication.authenticate(request.header('authorization'));
    assertRecentClient(request.header(CLIENT_HEADER), OLDEST_CLIENT);
    const filter = filterOf(types, caller);
    const after = readPosition(lastEventId);
    if (after === 'invalid')
      throw new DomainError('request_invalid', 'invalid', 'The header Last-Event-ID is no place in the feed.', {
        remedy: 'Send the id of the last message, or leave it out to follow from now on.',
      });
    this.hub.assertRoom(caller.actor.id);
    response.status(200).set({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // Proxies that collect answers before passing them on know this header.
      'x-accel-buffering': 'no',
    });
    if (request.method === 'HEAD') return void response.end();
    try {
      await this.hub.follow(response, filter, after);
    } catch (error) {
      throw wordOutage(error);
    }
  }
}
