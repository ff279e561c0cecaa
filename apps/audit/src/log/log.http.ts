import { Controller } from '@nestjs/common';
import { listAudit, listAuditOf, verifyAudit } from '@dsops/contracts/audit/api';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import { Input, Serves, type InputOf } from '@dsops/platform';
import { LogService } from './log.service.js';
import type { EntryFilter } from './log.repository.js';

@Controller()
export class LogController {
  constructor(private readonly log: LogService) {}

  @Serves(listAudit)
  list(@Input(listAudit) { query }: InputOf<typeof listAudit>): Promise<ResponseOf<typeof listAudit>> {
    const entity = query.entity === undefined ? {} : { entity: namedEntity(query.entity) };
    return this.log.list({ ...filterOf(query), ...entity }, query);
  }

  @Serves(listAuditOf)
  listOf(@Input(listAuditOf) { params, query }: InputOf<typeof listAuditOf>): Promise<ResponseOf<typeof listAuditOf>> {
    return this.log.list({ ...filterOf(query), entity: { kind: params.kind, id: params.entityId } }, query);
  }

  @Serves(verifyAudit)
  verify(): Promise<ResponseOf<typeof verifyAudit>> {
    return this.log.verify();
  }
}

type Query = InputOf<typeof listAuditOf>['query'];

const filterOf = ({ actor, action, since, until }: Query): EntryFilter => ({
  ...(actor === undefined ? {} : { actor }),
  ...(action === undefined ? {} : { action }),
  ...(since === undefined ? {} : { since: new Date(since) }),
  ...(until === undefined ? {} : { until: new Date(until) }),
});

/** `service/01J…`, or an id alone. */
function namedEntity(text: string): { kind?: string; id: string } {
  const slash = text.indexOf('/');
  return slash < 0 ? { id: text } : { kind: text.slice(0, slash), id: text.slice(slash + 1) };
}
