/** A record as Kafka keeps it. */
export interface FakeRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly value: Buffer;
}

const PARTITIONS = 12;
/** FNV-1a, which Kafka's client inside daprd partitions by; Java's and kafkajs use another hash. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function partitionOf(key: string | undefined): number {
  if (key === undefined) return Math.floor(Math.random() * PARTITIONS);
  let hash = FNV_OFFSET;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return hash % PARTITIONS;
}

interface Group {
  /** Who takes part, in the order of joining; partitions are dealt out among them. */
  readonly members: object[];
  /** Next offset to read, by `topic/partition`. */
  readonly positions: Map<string, number>;
}

/** Topics with partitions, and consumer groups with positions: as much of a broker as daprd needs. In memory. */
export class FakeBroker {
  private readonly partitions = new Map<string, FakeRecord[]>();
  private readonly groups = new Map<string, Group>();

  append(topic: string, key: string | undefined, value: Buffer): FakeRecord {
    const partition = partitionOf(key);
    const records = this.recordsOf(topic, partition);
    const record = { topic, partition, offset: records.length, key, value };
    records.push(record);
    return record;
  }

  /** Everything on a topic, partition by partition. */
  recordsOn(topic: string): readonly FakeRecord[] {
    return Array.from({ length: PARTITIONS }, (_, partition) => this.recordsOf(topic, partition)).flat();
  }

  join(group: string, member: object): void {
    const { members } = this.group(group);
    if (!members.includes(member)) members.push(member);
  }

  leave(group: string, member: object): void {
    const { members } = this.group(group);
    if (members.includes(member)) members.splice(members.indexOf(member), 1);
  }

  /** What a member has to deliver next: from each of its partitions up to `limit` records. */
  *batchesFor(group: string, member: object, topics: readonly string[], limit: number): Generator<FakeRecord[]> {
    const { members, positions } = this.group(group);
    for (const topic of topics)
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        if (members[partition % members.length] !== member) continue;
        const from = positions.get(`${topic}/${partition}`) ?? 0;
        const batch = this.recordsOf(topic, partition).slice(from, from + limit);
        if (batch.length > 0) yield batch;
      }
  }

  /** The group has done with everything up to this record. */
  commit(group: string, { topic, partition, offset }: FakeRecord): void {
    const { positions } = this.group(group);
    const place = `${topic}/${partition}`;
    positions.set(place, Math.max(positions.get(place) ?? 0, offset + 1));
  }

  private recordsOf(topic: string, partition: number): FakeRecord[] {
    const place = `${topic}/${partition}`;
    const records = this.partitions.get(place) ?? [];
    this.partitions.set(place, records);
    return records;
  }

  private group(name: string): Group {
    const group = this.groups.get(name) ?? { members: [], positions: new Map<string, number>() };
    this.groups.set(name, group);
    return group;
  }
}
