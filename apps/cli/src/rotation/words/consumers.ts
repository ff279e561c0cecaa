import type { ConsumersView, RotationView } from '@dsops/contracts/rotation/api';
import type { Paint } from '../../output/terminal.js';
import { timestamp } from '../../output/time.js';

/** Who was seen, one line for what is alike, and who cannot be seen. */
export function consumerLines(paint: Paint, { sessions, lookedAt, quietSince, blindSpots }: ConsumersView): string[] {
  const groups = new Map<string, { count: number; since: string | null }>();
  for (const { login, application, address, since } of sessions) {
    const name = `${login}  ${application ?? 'without a name'}  from ${address ?? 'an address that is not shown'}`;
    const known = groups.get(name);
    const first = known?.since == null || (since !== null && since < known.since) ? since : known.since;
    groups.set(name, { count: (known?.count ?? 0) + 1, since: first });
  }
  const seen = [...groups].map(
    ([name, { count, since }]) =>
      `  ${paint.yellow('•')} ${name}${count === 1 ? '' : `, ${count} sessions`}${since === null ? '' : `, since ${timestamp(since)} UTC`}`,
  );
  const nobody =
    lookedAt === null
      ? 'nobody has looked yet'
      : `nobody${quietSince === null ? '' : `, since ${timestamp(quietSince)} UTC`}`;
  return [
    ...(seen.length === 0 ? [`  ${nobody}`] : seen),
    ...blindSpots.map((spot) => `  ${paint.dim(`not seen: ${spot}`)}`),
  ];
}

/** What keeps a value alive. */
export const heldLines = (
  paint: Paint,
  { version, login, consumers, checkOuts }: NonNullable<RotationView['held']>,
) => [
  ...(consumers ? [`Seen to use ${login} (${version}):`, ...consumerLines(paint, consumers)] : []),
  ...(checkOuts.length > 0 ? [`Check-outs of ${version}:`, ...checkOuts.map((id) => `  ${id}`)] : []),
];
