import type { VictimName } from './victims.js';

export interface CoursePlan {
  readonly commands: number;
  readonly keys: number;
  readonly victims: readonly VictimName[];
  /** How often each of them is killed. */
  readonly killsEach: number;
  /** Replicas of the consumer, one number after the other, spread over the run. */
  readonly replicas: readonly number[];
  /** How long nothing may go on before the run gives up, and what is there by then is judged. */
  readonly patienceMs: number;
}

export type Step = { readonly victim: VictimName; readonly nth: number } | { readonly replicas: number };

/** Every victim in turn, each round in another order; the consumer is scaled between the rounds. */
export function stepsOf({ victims, killsEach, replicas }: CoursePlan, random = Math.random): Step[] {
  const steps: Step[] = [];
  const rest = replicas.slice(1);
  const scaleBefore = rest.map((_, nth) => Math.round(((nth + 1) * killsEach) / (rest.length + 1)));
  for (let round = 0; round <= killsEach; round += 1) {
    rest.forEach((count, nth) => scaleBefore[nth] === round && steps.push({ replicas: count }));
    if (round === killsEach) break;
    const order = victims.map((victim) => ({ victim, at: random() })).toSorted((one, other) => one.at - other.at);
    for (const { victim } of order) steps.push({ victim, nth: round });
  }
  return steps;
}
