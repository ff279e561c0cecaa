import type { z } from 'zod';
import type { ServiceName } from '@dsops/contracts/service-names';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { DomainError } from '@dsops/kernel';
import type { Answer, Invoker } from '@dsops/platform';
import type { Coordinates } from '../coordinates.js';
import { eventsAnswerSchema, headsAnswerSchema, type HeadsAnswer, type HeadsRequest } from './heads.js';

const TIMEOUT_MS = 15_000;

/** What a consumer asks the producers of its topics, by invocation. */
export class ProducerClient {
  constructor(private readonly invoker: Invoker) {}

  /** @throws DomainError `service_unavailable` */
  async heads(producer: ServiceName, request: HeadsRequest): Promise<HeadsAnswer> {
    const answer = await this.invoker.invoke(producer, {
      method: 'POST',
      path: '/internal/events/heads',
      body: request,
      timeoutMs: TIMEOUT_MS,
    });
    return this.read(producer, headsAnswerSchema, answer);
  }

  /** Events of one key above a place, in order. @throws DomainError `service_unavailable` */
  async eventsAbove(producer: ServiceName, above: Coordinates, limit: number): Promise<EventEnvelope[]> {
    const query = new URLSearchParams({
      topic: above.topic,
      key: above.key,
      epoch: String(above.epoch),
      after: String(above.sequence),
      limit: String(limit),
    });
    const answer = await this.invoker.invoke(producer, {
      method: 'GET',
      path: `/internal/events?${query.toString()}`,
      timeoutMs: TIMEOUT_MS,
    });
    return this.read(producer, eventsAnswerSchema, answer).events;
  }

  private read<S extends z.ZodType>(producer: ServiceName, schema: S, answer: Answer): z.output<S> {
    const read = answer.status === 200 ? schema.safeParse(answer.body) : undefined;
    if (read?.success === true) return read.data;
    throw new DomainError(
      'service_unavailable',
      'unavailable',
      `The ${producer} service gave no answer that can be read.`,
      { remedy: 'It is asked again.', status: answer.status },
    );
  }
}
