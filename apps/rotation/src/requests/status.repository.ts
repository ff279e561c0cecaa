import type { Verdict, RotationState } from '@dsops/contracts/rotation/states';
import type { Place } from '@dsops/contracts/rotation/place';
import { query, sql } from '@dsops/database';
import type { Tx } from '../database/tx.js';
import type { Sighting } from '../engine/consumers.js';
import type { RotationError } from '../engine/journal.js';
import type { StoredEntry } from '../engine/upgrade.js';
import { CANCELLED } from '../run/opening.service.js';

/** What is known of one service, as one row. */
export interface StatusRow {
  readonly environment: string;
  readonly service: string;
  /** The rotation that started last; null when there was none. */
  readonly latest: {
    readonly state: RotationState;
    readonly startedAt: Date;
    readonly isSettled: boolean;
    readonly refusal: RotationError | null;
    /** Its journal; null where it has none yet, or its state says that nothing went wrong. */
    readonly entries: readonly StoredEntry[] | null;
    readonly sighting: Sighting | null;
  } | null;
  /** How many rotations are in which state, queued ones apart. */
  readonly counts: Readonly<Partial<Record<RotationState, number>>>;
  /** Versions that have a label or have not ended, newest first. */
  readonly versions: readonly {
    readonly name: string;
    readonly label: string | null;
    readonly verdict: Verdict | null;
  }[];
}

/** A list narrowed to an environment or a name, from behind a place on. */
export interface ServiceList {
  readonly environment?: string | null | undefined;
  readonly service?: string | null | undefined;
  readonly limit: number;
  readonly after?: Place | undefined;
}

/** Where services stand, however many there are: one statement for a page. */
export class StatusRepository {
  /** By environment and name. */
  async list(tx: Tx, { environment = null, service = null, limit, after }: ServiceList): Promise<StatusRow[]> {
    const rows = await query<FlatRow>(
      tx,
      sql`
      select e.name as environment, s.name as service, latest.state, latest.started_at as "startedAt",
        latest.is_settled as "isSettled", latest.refusal, latest.sighting,
        case when latest.state not in ('completed', 'pending') then (
          select jsonb_agg(j.entry order by j.seq) from rotation_journal j where j.rotation_id = latest.id
        ) end as entries,
        coalesce((
          select jsonb_object_agg(each.state, each.count) from (
            select r.state, count(*) from rotations r where r.service_id = s.id and not r.is_queued 
              and r.refusal->>'code' is distinct from ${CANCELLED} group by r.state
          ) each
        ), '{}') as counts,
        coalesce((
          select jsonb_agg(jsonb_build_object('name', v.name, 'label', v.label, 'verdict', v.verdict) order by v.id desc)
          from credentials c join versions v on v.credential_id = c.id
          where c.service_id = s.id and (v.label is not null or v.ended_at is null)
        ), '[]') as versions
      from services s join environments e on e.id = s.environment_id
        left join lateral (
          select r.id, r.state, r.started_at, r.is_settled, r.refusal, r.sighting from rotations r
          where r.service_id = s.id and not r.is_queued and r.refusal->>'code' is distinct from ${CANCELLED}
          order by r.id desc limit 1
        ) latest on true
      where s.removed_at is null
        and (${environment}::text is null or e.name = ${environment})
        and (${service}::text is null or s.name = ${service})
        and (${after === undefined}::boolean or (e.name, s.name) > (${after?.environment ?? ''}, ${after?.service ?? ''}))
      order by e.name, s.name limit ${limit}::int`,
    );
    return rows.map(({ state, startedAt, isSettled, refusal, entries, sighting, ...row }) => ({
      ...row,
      latest: state === null ? null : { state, startedAt, isSettled, refusal, entries, sighting },
    }));
  }
}

/** As the statement answers it: what is known of the latest rotation is all there, or its state is null. */
type FlatRow = Omit<StatusRow, 'latest'> &
  (NonNullable<StatusRow['latest']> | (Partial<NonNullable<StatusRow['latest']>> & { readonly state: null }));
