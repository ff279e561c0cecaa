import type { ServiceName } from '@dsops/contracts/service-names';
import type { Database } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import type { Answer, Invocation, Invoker } from '@dsops/platform';
import { answerEvents, answerHeads } from '../completeness/heads.repository.js';
import { eventsQuerySchema, headsRequestSchema } from '../completeness/heads.js';

/** Answers the internal routes of producers without HTTP in between. A service without a database does not answer. */
export class DirectInvoker implements Invoker {
  constructor(private readonly databases: Partial<Record<ServiceName, Database>>) {}

  async invoke(service: ServiceName, { method, path, body }: Invocation): Promise<Answer> {
    const database = this.databases[service];
    if (database === undefined)
      throw new DomainError('service_unavailable', 'unavailable', `The ${service} service does not answer.`);
    const url = new URL(path, 'http://service');
    if (method === 'POST' && url.pathname === '/internal/events/heads')
      return overTheWire(await answerHeads(database, headsRequestSchema.parse(body)));
    if (method === 'GET' && url.pathname === '/internal/events') {
      const query = eventsQuerySchema.parse(Object.fromEntries(url.searchParams));
      return overTheWire(await answerEvents(database, service, query));
    }
    return { status: 404, body: undefined };
  }
}

/** What JSON makes of an answer. */
const overTheWire = (body: unknown): Answer => ({ status: 200, body: JSON.parse(JSON.stringify(body)) as unknown });
