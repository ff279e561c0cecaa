import type { Finding } from '@dsops/contracts/rotation/api';
import { error, ok, warning } from '../kit/findings.js';
import { quote } from './answers.js';
import type { Picture } from './picture.js';
import { ROLE, type Trait } from './traits.js';
import type { Wanted } from './wanted.js';

/** Differences of one kind that are named one by one; the rest is counted. */
const NAMED_AT_MOST = 10;

interface Difference {
  readonly name: string;
  /** Can an application notice it? */
  readonly breaks: boolean;
  readonly message: string;
  readonly remedy: string;
}

/**
 * Slots are equals: what an application can do through one it can do through the other. A difference that it could notice
 * is an error until a person accepts it by name. Where sessions of both begin as the owner, what only the login itself has
 * is a warning.
 */
export function assessDifferences({ traits, slots }: Picture, wanted: Wanted): Finding[] {
  if (traits === null) return [];
  const { acceptedDifferences: accepted, owner } = wanted;
  const actAsOwner = owner !== null && slots.every(({ beginsAs }) => beginsAs === owner);
  const differences = [...differencesOf(traits.of, wanted, actAsOwner), ...traits.unread.map(unread)];
  const open = differences.filter(({ name }) => !accepted.includes(name));
  const findings = [true, false].flatMap((breaks) => shorten(open.filter((one) => one.breaks === breaks)));
  findings.push(
    ...differences
      .filter(({ name }) => accepted.includes(name))
      .map(({ message }) => ok('slot-difference', `${message} This is accepted.`)),
    ...accepted
      .filter((name) => differences.every((one) => one.name !== name))
      .map((name) => ok('slot-difference', `"${name}" is accepted as a difference, and is none now.`)),
  );
  return findings.length > 0 ? findings : [ok('slot-difference', `${wanted.slots.join(' and ')} are equals.`)];
}

function differencesOf(traits: readonly Trait[], wanted: Wanted, actAsOwner: boolean): Difference[] {
  // What is in use is what works: the other is made like it.
  const model = wanted.inUse ?? wanted.slots[0]!;
  const other = wanted.slots.find((slot) => slot !== model)!;
  const byName = Map.groupBy(traits, ({ name }) => name);
  return [...byName].flatMap(([name, both]): Difference[] => {
    const [has, gets] = [both.filter(({ slot }) => slot === model), both.filter(({ slot }) => slot === other)];
    const missing = has.filter(({ value }) => gets.every((one) => one.value !== value));
    const beyond = gets.filter(({ value }) => has.every((one) => one.value !== value));
    if (missing.length + beyond.length === 0) return [];
    return [
      {
        name,
        breaks: !actAsOwner || countsOf(has) !== countsOf(gets),
        message: `The slots differ in ${name}: ${model} has ${shown(has)}, ${other} has ${shown(gets)}.`,
        remedy: remedyOf(name, { missing, beyond, model, other }),
      },
    ];
  });
}

const countsOf = (traits: readonly Trait[]): string =>
  traits
    .flatMap(({ asOwner }) => asOwner ?? [])
    .toSorted()
    .join('\n');

const shown = (traits: readonly Trait[]): string =>
  traits.length === 0
    ? 'none'
    : traits
        .map(({ value }) => value)
        .toSorted()
        .join(', ');

const forRole = (statement: string, role: string): string => statement.replaceAll(ROLE, quote(role));

function remedyOf(
  name: string,
  parts: { missing: readonly Trait[]; beyond: readonly Trait[]; model: string; other: string },
): string {
  const { missing, beyond, model, other } = parts;
  const statements = [
    ...new Set([
      ...beyond.flatMap(({ take }) => (take === null ? [] : [forRole(take, other)])),
      ...missing.map(({ give }) => forRole(give, other)),
      // What cannot be taken away is given to the one in use, unless that one has a value of its own to pass on.
      ...beyond.flatMap(({ take, give }) => (take === null && missing.length === 0 ? [forRole(give, model)] : [])),
    ]),
  ].filter(Boolean);
  return statements.length === 0
    ? `Compare the grants there by hand, or ${accepting(name)}`
    : `Run ${statements.join(' ')} on the target, or ${accepting(name)}`;
}

const accepting = (name: string): string =>
  `accept it: acceptedDifferences, --accept-difference '${name.replaceAll("'", `'\\''`)}'.`;

const unread = (kind: string): Difference => ({
  name: `unread:${kind}`,
  breaks: true,
  message: `The admin got no answer about the kind "${kind}" of the slots, so nothing is known of differences there.`,
  remedy: `Let it read the system catalogs, as every role may by default, or ${accepting(`unread:${kind}`)}`,
});

function shorten(differences: readonly Difference[]): Finding[] {
  const byKind = Map.groupBy(differences, ({ name }) => name.slice(0, name.indexOf(':')));
  return [...byKind].flatMap(([kind, all]) => {
    const findings = all
      .slice(0, NAMED_AT_MOST)
      .map(({ breaks, message, remedy }) => (breaks ? error : warning)('slot-difference', message, remedy));
    const rest = all.length - NAMED_AT_MOST;
    if (rest > 0)
      findings.push(
        (all[0]!.breaks ? error : warning)(
          'slot-difference',
          `The slots differ in ${rest} more of the kind "${kind}".`,
          'Mend or accept those that are named, then look again.',
        ),
      );
    return findings;
  });
}
