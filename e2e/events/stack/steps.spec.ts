import { describe, expect, it } from '@jest/globals';
import { stepsOf, type CoursePlan } from './steps.js';
import { VICTIM_NAMES } from './victims.js';

const PLAN: CoursePlan = {
  commands: 100,
  keys: 10,
  victims: VICTIM_NAMES,
  killsEach: 5,
  replicas: [1, 3, 12, 2],
  patienceMs: 1,
};

describe('the steps of the event proof', () => {
  it('kill every victim in each round, and scale between the rounds', () => {
    const steps = stepsOf(PLAN);
    for (const victim of VICTIM_NAMES) {
      const nths = steps.flatMap((step) => ('victim' in step && step.victim === victim ? [step.nth] : []));
      expect(nths).toEqual([0, 1, 2, 3, 4]);
    }
    const words = steps.map((step) => ('victim' in step ? 'kill' : step.replicas));
    const round = VICTIM_NAMES.map(() => 'kill');
    expect(words).toEqual([...round, 3, ...round, ...round, 12, ...round, 2, ...round]);
  });

  it('scale also where nobody is killed', () => {
    expect(stepsOf({ ...PLAN, killsEach: 0 })).toEqual([{ replicas: 3 }, { replicas: 12 }, { replicas: 2 }]);
  });
});
