/** A topic as it is to be. */
export interface TopicSpec {
  /** With the prefix of its environment, such as `staging-rotation-events`. */
  readonly name: string;
  readonly partitions: number;
  readonly retentionMs: number;
}

/** What has to happen to a topic. `conflict`: nothing that may be done; a person has to decide. */
export type TopicStep =
  | { readonly name: string; readonly change: 'none' }
  | { readonly name: string; readonly change: 'make'; readonly partitions: number; readonly retentionMs: number }
  | { readonly name: string; readonly change: 'retention'; readonly fromMs: number; readonly toMs: number }
  | { readonly name: string; readonly change: 'conflict'; readonly found: number; readonly wanted: number };

/**
 * Compares what is wanted with what is there. A number of partitions never changes, neither down nor up: the order of a
 * key lives in its partition, and with another number it would go on in another one.
 */
export const planTopics = (wanted: readonly TopicSpec[], found: readonly TopicSpec[]): TopicStep[] =>
  wanted.map(({ name, partitions, retentionMs }) => {
    const present = found.find((topic) => topic.name === name);
    if (present === undefined) return { name, change: 'make', partitions, retentionMs };
    if (present.partitions !== partitions)
      return { name, change: 'conflict', found: present.partitions, wanted: partitions };
    if (present.retentionMs !== retentionMs)
      return { name, change: 'retention', fromMs: present.retentionMs, toMs: retentionMs };
    return { name, change: 'none' };
  });
