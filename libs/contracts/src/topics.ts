import { serviceDeclarations } from './service-names.js';

export type Topic = (typeof serviceDeclarations)[number]['topics'][number];

/** Every topic. Topics and their keys never change once released; a type stays on its topic. */
export const TOPICS: readonly Topic[] = serviceDeclarations.flatMap(({ topics }): readonly Topic[] => topics);

/** A topic keeps the number of partitions that it was made with, because a key's order lives in its partition. */
export const TOPIC_PARTITIONS = 12;
