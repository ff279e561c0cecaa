import { withAdmin, type KafkaAddress } from './admin.js';

/** How far a group is behind in one partition. */
export interface PartitionLag {
  readonly topic: string;
  readonly group: string;
  readonly partition: number;
  /** Records that the group has not taken yet. Of one that never took any: everything that is there. */
  readonly lag: number;
  /** The place of the last record, plus one; and of the next one that the group takes, null when it never took any. */
  readonly end: number;
  readonly committed: number | null;
}

/** A topic, and the groups that listen to it. */
export interface Listeners {
  readonly topic: string;
  readonly groups: readonly string[];
}

/** What the groups that listen to each topic have not taken yet. A topic that is not there is left out. */
export const readLag = (kafka: KafkaAddress, wanted: readonly Listeners[]): Promise<PartitionLag[]> =>
  withAdmin(kafka, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const topics = wanted.filter(({ topic }) => existing.has(topic));
    const rows: PartitionLag[] = [];
    for (const { topic, groups } of topics) {
      const ends = await admin.fetchTopicOffsets(topic);
      for (const group of groups) {
        const [taken] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
        for (const { partition, high, low } of ends.toSorted((one, other) => one.partition - other.partition)) {
          const offset = Number(taken?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
          const committed = offset < 0 ? null : offset;
          rows.push({
            topic,
            group,
            partition,
            end: Number(high),
            committed,
            lag: Number(high) - (committed ?? Number(low)),
          });
        }
      }
    }
    return rows;
  });
