import type { Topic } from '@dsops/contracts/topics';
import { eventRegistry } from '@dsops/contracts/event-registry';
import { DomainError } from '@dsops/kernel';
import { includesRole, type Caller } from '@dsops/platform';

/** Who asked for what is for admins; everything else is for everybody who may read. */
const FOR_ADMINS: Topic = 'access-events';

export interface FeedFilter {
  /** Only these; undefined: every type. */
  readonly types: ReadonlySet<string> | undefined;
  readonly withoutTopic: Topic | undefined;
  /** Who follows: what is for one principal only is for this one. */
  readonly principalId: string;
}

/**
 * What a stream shows.
 * @param types types or beginnings of types, separated by commas: `dsops.rotation.,dsops.gateway.principal.`
 * @throws DomainError `request_invalid` when one of them fits no event
 */
export function filterOf(types: unknown, { actor, role }: Caller): FeedFilter {
  return {
    types: readTypes(types),
    withoutTopic: includesRole(role, 'admin') ? undefined : FOR_ADMINS,
    principalId: actor.id,
  };
}

export const passes = (
  filter: FeedFilter,
  event: { readonly topic: string; readonly type: string; readonly onlyFor: string | null },
): boolean =>
  event.topic !== filter.withoutTopic &&
  (event.onlyFor === null || event.onlyFor === filter.principalId) &&
  (filter.types === undefined || filter.types.has(event.type));

function readTypes(stated: unknown): ReadonlySet<string> | undefined {
  if (stated === undefined || stated === '') return undefined;
  if (typeof stated !== 'string') throw invalid('is given twice; separate types by commas');
  const known = [...eventRegistry.keys()];
  return new Set(
    stated.split(',').flatMap((part, place) => {
      const beginning = part.trim();
      // The type as a whole is meant, where there is one: `….v1` is not the beginning of `….v10`.
      const fitting = eventRegistry.has(beginning) ? [beginning] : known.filter((type) => type.startsWith(beginning));
      if (beginning === '' || fitting.length === 0) throw invalid(`no event has the type in place ${place + 1}`);
      return fitting;
    }),
  );
}

const invalid = (message: string): DomainError =>
  new DomainError('request_invalid', 'invalid', `query.types: ${message}`, {
    errors: [{ path: 'query.types', message }],
    remedy: 'Give types or beginnings of types, such as types=dsops.rotation.',
  });
