import { describe, expect, it } from '@jest/globals';
import type { EventDefinition } from './define-event.js';
import { declarationFaults, type Declarations } from './declaration-faults.js';
import { declarations } from './declarations.js';
import type { ServiceDeclaration } from './service-declaration.js';

const { services, events, operations, consumers } = declarations;
const audit = consumers.audit!;
const weather: ServiceDeclaration = {
  name: 'weather',
  owns: 'how it is',
  topics: [],
  files: [],
  seals: false,
  door: 'internal',
};
/** As somebody may declare it who goes around the types. */
const said = (change: object) => ({ ...events[0]!, ...change }) as EventDefinition;
const found = (change: Partial<Declarations>) => declarationFaults({ ...declarations, ...change });

describe('what the services declare', () => {
  it('goes together', () => {
    expect(declarationFaults(declarations)).toEqual([]);
    expect(found({ services: { ...services, weather } })).toEqual([]);
  });

  it.each<[string, Partial<Declarations>, string]>([
    [
      'two services of one name',
      { services: { ...services, weather: { ...weather, name: 'audit' } } },
      'two services are called audit',
    ],
    [
      'a service that is called otherwise than its folder',
      { services: { ...services, well: weather } },
      'the service well is called weather where it is declared',
    ],
    [
      'a topic of two services',
      { services: { ...services, weather: { ...weather, topics: ['access-events'] } } },
      'two services have the topic access-events',
    ],
    [
      'a second door to the outside',
      { services: { ...services, weather: { ...weather, door: 'public' } } },
      'one service has the public door, and not gateway and weather',
    ],
    ['no door to the outside', { services: { weather }, events: [] }, 'one service has the public door, and not none'],
    [
      'an event that no service says',
      { events: [...events, said({ type: 'dsops.weather.check.done.v1', producer: 'weather' })] },
      'dsops.weather.check.done.v1 is said by weather, which is no service',
    ],
    [
      "an event on a topic that is not its producer's",
      { events: [...events, said({ type: 'dsops.audit.entry.added.v1', producer: 'audit' })] },
      `dsops.audit.entry.added.v1 is on ${events[0]!.topic}, which is no topic of audit`,
    ],
    [
      'an operation that no service offers',
      { operations: [{ ...operations[0]!, id: 'getWeather', service: 'weather' as 'audit' }] },
      'getWeather is an operation of weather, which is no service',
    ],
    [
      'a consumer that no service has',
      { consumers: { ...consumers, audit: { ...audit, service: 'weather' as 'audit' } } },
      'the consumer audit belongs to weather, which is no service',
    ],
    [
      'a consumer of an event that is not registered',
      { consumers: { ...consumers, audit: { ...audit, handles: [said({ type: 'dsops.a.b.c.v1' })] } } },
      'the consumer audit handles dsops.a.b.c.v1, which no service says',
    ],
  ])('is refused with %s, by name', (_, change, sentence) => {
    expect(found(change)).toContain(sentence);
  });
});
