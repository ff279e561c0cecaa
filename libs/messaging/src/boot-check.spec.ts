import { describe, expect, it } from '@jest/globals';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { principalCreated } from '@dsops/contracts/gateway/events';
import { rotationFailed, rotationStarted } from '@dsops/contracts/rotation/events';
import { consumersIn, matchHandlers } from './boot-check.js';
import { EventConsumer } from './event-consumer.js';
import { Handles } from './handles.js';

const declaration: ConsumerDeclaration = {
  name: 'one',
  service: 'notification',
  topics: ['rotation-events'],
  handles: [rotationStarted, rotationFailed],
  retryDelaysMs: [],
  deadLetter: 'blocks',
  isOrderFree: false,
};

class Started {
  @Handles(rotationStarted)
  async begin(): Promise<void> {}
}
class Failed {
  @Handles(rotationFailed)
  async end(): Promise<void> {}
}
class Created {
  @Handles(principalCreated)
  async greet(): Promise<void> {}
}
const found = (...instances: object[]) => instances.map((instance) => ({ name: 'one', instance }));

describe('the boot check', () => {
  it('brings together the handlers of a consumer from several classes', () => {
    const [booted] = matchHandlers([declaration], found(new Started(), new Failed()));
    expect([...booted!.handlers.keys()]).toEqual([rotationStarted.type, rotationFailed.type]);
  });

  it('knows consumers by their classes, before there is one', () => {
    EventConsumer('one')(Started);
    expect(() => matchHandlers([declaration], consumersIn([Started, Failed]))).toThrow(
      `one declares ${rotationFailed.type} and has no handler for it`,
    );
    EventConsumer('one')(Failed);
    expect(matchHandlers([declaration], consumersIn([Started, Failed]))).toHaveLength(1);
  });

  it.each([
    [
      'a declared type without a handler',
      [declaration],
      found(new Started()),
      `one declares ${rotationFailed.type} and has no handler for it`,
    ],
    [
      'a handler that is not declared',
      [declaration],
      found(new Started(), new Failed(), new Created()),
      `one handles ${principalCreated.type}, which it does not declare`,
    ],
    [
      'two handlers for one type',
      [declaration],
      found(new Started(), new Failed(), new Started()),
      `one has two handlers for ${rotationStarted.type}`,
    ],
    [
      'a consumer that nobody declared',
      [],
      found(new Started()),
      'one has handlers here but is not declared for this service',
    ],
    [
      'a declared type whose topic is not',
      [{ ...declaration, topics: [] }],
      found(new Started(), new Failed()),
      `one declares ${rotationStarted.type} and not its topic rotation-events`,
    ],
  ])('refuses %s, by name', (_, declarations, instances, sentence) => {
    expect(() => matchHandlers(declarations, instances)).toThrow(sentence);
  });
});
