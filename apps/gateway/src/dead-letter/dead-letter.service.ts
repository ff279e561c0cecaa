import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { consumers } from '@dsops/contracts/consumers';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import type { BodyOf, ParamsOf, QueryOf, ResponseOf } from '@dsops/contracts/define-operation';
import {
  deadLetterSchema,
  deadLetterViewSchema,
  type dropDeadLetter,
  type getDeadLetter,
  type listDeadLetters,
  type replayDeadLetter,
} from '@dsops/contracts/gateway/api';
import { pageOf } from '@dsops/contracts/page';
import { errorOf, problemSchema } from '@dsops/contracts/problem';
import { DomainError, isDomainError } from '@dsops/kernel';
import { cursorOf, type Invocation } from '@dsops/platform';
import { ForwardService } from '../forward/forward.service.js';

const OWNERS: readonly ServiceName[] = [...new Set(Object.values(consumers).map(({ service }) => service))];
const page = pageOf(deadLetterViewSchema);
type LetterFilter = Pick<QueryOf<typeof listDeadLetters>, 'status' | 'consumer' | 'type' | 'topic' | 'key'>;

/** A place in the lists of several services, read one after the other. */
interface LetterPlace {
  readonly owner: ServiceName;
  /** The owner's own cursor; null at the beginning of its list. */
  readonly inner: string | null;
}

/** A cursor of the whole list, used with `owner`, would show the letters of another one. */
const places = (owners: readonly ServiceName[]) =>
  cursorOf(
    z.object({ owner: z.enum(SERVICES).refine((owner) => owners.includes(owner)), inner: z.string().nullable() }),
  );

/** The dead letters of every service that consumes events. Each service keeps its own; here they are shown together. */
@Injectable()
export class DeadLetterService {
  constructor(private readonly services: ForwardService) {}

  /**
   * One service after the other, each newest first.
   * @throws DomainError `dead_letters_incomplete` when a service does not answer: a list without its letters would look
   * like good news.
   */
  async list(query: QueryOf<typeof listDeadLetters>): Promise<ResponseOf<typeof listDeadLetters>> {
    const owners = query.owner === undefined ? OWNERS : [query.owner];
    const { status, consumer, type, topic, key } = query;
    const filter = { status, consumer, type, topic, key };
    const items: z.infer<typeof deadLetterViewSchema>[] = [];
    let at: LetterPlace | undefined =
      query.cursor === undefined ? beginningOf(owners[0]) : places(owners).read(query.cursor);
    while (at !== undefined && items.length < query.limit) {
      const found: z.infer<typeof page> = await this.pageOf(
        at,
        filter,
        query.limit - items.length,
        query.owner === undefined,
      );
      items.push(...found.items);
      at =
        found.next === null
          ? beginningOf(owners[owners.indexOf(at.owner) + 1])
          : { owner: at.owner, inner: found.next };
    }
    return { items, next: at === undefined ? null : places(owners).write(at) };
  }

  get({ owner, letterId }: ParamsOf<typeof getDeadLetter>): Promise<ResponseOf<typeof getDeadLetter>> {
    return this.ask(owner, { method: 'GET', path: pathOf(letterId) }, deadLetterSchema);
  }

  replay({ owner, letterId }: ParamsOf<typeof replayDeadLetter>): Promise<ResponseOf<typeof replayDeadLetter>> {
    return this.ask(owner, { method: 'POST', path: `${pathOf(letterId)}/replay` }, deadLetterViewSchema);
  }

  /** @param by the name of who asks: it stays with the letter */
  drop(
    { owner, letterId }: ParamsOf<typeof dropDeadLetter>,
    { reason }: BodyOf<typeof dropDeadLetter>,
    by: string,
  ): Promise<ResponseOf<typeof dropDeadLetter>> {
    const body = { note: `${by}: ${reason}` };
    return this.ask(owner, { method: 'POST', path: `${pathOf(letterId)}/drop`, body }, deadLetterViewSchema);
  }

  private async pageOf({ owner, inner }: LetterPlace, filter: LetterFilter, limit: number, hasOthers: boolean) {
    const query = new URLSearchParams({
      ...Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
      limit: String(limit),
      ...(inner === null ? {} : { cursor: inner }),
    });
    try {
      return await this.ask(owner, { method: 'GET', path: `/internal/dead-letters?${query.toString()}` }, page);
    } catch (error) {
      if (!hasOthers || !isDomainError(error) || error.kind !== 'unavailable') throw error;
      const others = OWNERS.filter((other) => other !== owner).join(' or ');
      throw new DomainError(
        'dead_letters_incomplete',
        'unavailable',
        `The ${owner} service does not answer, so the list would lack its dead letters.`,
        { remedy: `Try again in a moment, or ask for those of ${others} alone, with "owner".` },
        { cause: error },
      );
    }
  }

  private async ask<S extends z.ZodType>(owner: ServiceName, invocation: Invocation, schema: S): Promise<z.output<S>> {
    if (!OWNERS.includes(owner))
      throw new DomainError(
        'dead_letter_not_found',
        'not_found',
        `The ${owner} service consumes no events, so it has no dead letters.`,
        {
          remedy: 'See "dsops deadletters list".',
        },
      );
    const { status, body } = await this.services.ask(owner, invocation);
    if (status < 400) return schema.parse(body);
    throw errorOf(problemSchema.parse(body));
  }
}

const pathOf = (letterId: string): string => `/internal/dead-letters/${encodeURIComponent(letterId)}`;

const beginningOf = (owner: ServiceName | undefined): LetterPlace | undefined =>
  owner === undefined ? undefined : { owner, inner: null };
