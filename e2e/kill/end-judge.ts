import type { Judge, TriedLogin } from './judge.js';
import { currentOf, loginOf, type CellFacts, type RecordedVersion, type Sight } from './sight.js';
import type { TappedEntry } from './tap.js';

/** How a cell's rotation must end: which state, and which value is in use then. */
export interface ExpectedEnd {
  readonly state: 'completed' | 'rolled_back';
  readonly current: 'new' | 'imported';
}

/** Everything that is looked at once the rotation has ended and nothing is under way. */
export interface End {
  readonly sight: Sight;
  readonly logins: readonly TriedLogin[];
  readonly tapped: readonly TappedEntry[];
  readonly events: { readonly counts: ReadonlyMap<string, number>; readonly hasGap: boolean };
  /** Tables in which a value was found that should be nowhere but in the vault. */
  readonly leaks: readonly string[];
}

/** What must hold at the end: the truth of the target, the records and the story that was told agree. */
export function judgeEnd(judge: Judge, facts: CellFacts, expected: ExpectedEnd, end: End): void {
  const { after } = end.sight;
  const state = after.rotation?.state ?? 'never started';
  if (state !== expected.state) judge.breach('end', `the rotation is ${state} instead of ${expected.state}`);
  if (after.rotation?.isSettled !== true) judge.breach('end', 'the rotation is not settled');
  const imported = after.versions[0];
  const current = currentOf(after);
  if (!imported || !current) return judge.breach('I7', 'nothing is CURRENT at the end');
  const isAsExpected = (current.id === imported.id) === (expected.current === 'imported');
  if (!isAsExpected) judge.breach('end', `CURRENT is ${current.name}, which is not the ${expected.current} value`);

  judgeLogins(judge, facts, current, end);
  judgeProofs(judge, facts, current, imported, end);
  // I6: however often a step ran, one value was made and one story told.
  const made = after.versions.length - 1;
  if (made !== 1) judge.breach('I6', `the rotation made ${made} versions instead of 1`);
  judgeEvents(judge, expected, end);
  for (const table of end.leaks) judge.breach('I10', `${table} holds a value that belongs into the vault only`);
  if (facts.isInPlace && current.slot !== imported.slot) judge.breach('I9', 'CURRENT moved to another login');
}

/** I2, I3, I8: exactly CURRENT can log in, with its own login name, whatever else was ever generated. */
function judgeLogins(judge: Judge, facts: CellFacts, current: RecordedVersion, { logins, sight }: End): void {
  const nameOf = (value: string) =>
    sight.after.versions.find((version) => version.value === value)?.name ?? 'a value that was never sealed';
  for (const { login, value, isAccepted } of logins) {
    const isCurrent = login === loginOf(facts, current.slot) && value === current.value;
    if (isAccepted && !isCurrent) judge.breach('I2', `${login} still accepts ${nameOf(value)}, which is not CURRENT`);
    if (!isAccepted && isCurrent) judge.breach('I3', `${login} refuses ${current.name}, which is CURRENT`);
  }
}

/**
 * I8: the last login with each value, made after the last command at its slot, showed what the records say. A command in
 * a session that had been ended before reached nobody: so does a worker end that wakes when all is over.
 */
function judgeProofs(
  judge: Judge,
  facts: CellFacts,
  current: RecordedVersion,
  imported: RecordedVersion,
  end: End,
): void {
  const { sight } = end;
  const tapped = withoutDeadSessions(end.tapped);
  for (const version of sight.after.versions) {
    const wasSent = tapped.some((entry) => entry.kind === 'sending' && entry.value === version.value);
    if (version.id !== imported.id && !wasSent) continue;
    const lastCommand = tapped.findLastIndex((entry) => entry.kind === 'sending' && entry.slot === version.slot);
    const login = loginOf(facts, version.slot);
    const lastProbe = tapped.findLastIndex(
      (entry) => entry.kind === 'probed' && entry.value === version.value && entry.login === login,
    );
    const wanted = version.id === current.id ? 'accepted' : 'refused';
    const probe = tapped[lastProbe];
    if (probe?.kind !== 'probed' || lastProbe < lastCommand || probe.verdict !== wanted)
      judge.breach('I8', `it ended without a login that showed ${version.name} ${wanted}`);
  }
}

function withoutDeadSessions(entries: readonly TappedEntry[]): TappedEntry[] {
  const ended = new Set<string>();
  return entries.filter((entry) => {
    if (entry.kind === 'ended') ended.add(entry.session);
    return entry.kind !== 'sending' || !ended.has(entry.session);
  });
}

const EVENT = (name: string) => `dsops.rotation.rotation.${name}.v1`;

function judgeEvents(judge: Judge, { state }: ExpectedEnd, { events }: End): void {
  if (events.hasGap) judge.breach('events', 'the sequence of a key has a gap');
  for (const name of ['started', state]) {
    const count = events.counts.get(EVENT(name)) ?? 0;
    if (count !== 1) judge.breach('I6', `${EVENT(name)} was said ${count} times`);
  }
}
