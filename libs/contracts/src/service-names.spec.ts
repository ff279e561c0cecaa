import { describe, expect, it } from '@jest/globals';
import { consumers } from './consumers.js';
import { declarationOf, serviceDeclarations, SERVICES, type ServiceName } from './service-names.js';
import { TOPICS, type Topic } from './topics.js';

describe('the services', () => {
  it('are named by their declarations, as types too', () => {
    // @ts-expect-error there is no such service
    const nobody: ServiceName = 'nobody';
    // @ts-expect-error there is no such topic
    const nothing: Topic = 'nothing-events';
    // @ts-expect-error there is no such consumer
    const no: keyof typeof consumers = 'nobody';
    expect(SERVICES).not.toContain(nobody);
    expect(TOPICS).not.toContain(nothing);
    expect(Object.keys(consumers)).not.toContain(no);
    expect(SERVICES).toEqual(expect.arrayContaining(['audit', 'gateway', 'notification', 'rotation']));
    for (const declaration of serviceDeclarations) expect(declarationOf(declaration.name)).toBe(declaration);
  });

  it('have the topics of all of them, each once', () => {
    expect(new Set(TOPICS).size).toBe(TOPICS.length);
    expect(TOPICS).toEqual(expect.arrayContaining(['access-events', 'notification-events', 'rotation-events']));
  });
});
