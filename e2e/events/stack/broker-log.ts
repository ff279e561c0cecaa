import kafkajs from 'kafkajs';

const { Kafka, logLevel } = kafkajs;

/** What stands in the topic at the end, read past everything that is ours. */
export interface BrokerLog {
  readonly records: number;
  /** Records that repeat an event: a relay that was killed publishes again what it had not marked. */
  readonly copies: number;
  /** Keys whose records are in more than one partition: nothing would keep their order. */
  readonly scattered: readonly string[];
  /** Events whose first record is behind that of a later event of its key. */
  readonly disordered: readonly string[];
}

interface RecordRead {
  readonly partition: number;
  readonly key: string;
  readonly sequence: number;
}

/** Reads the topic from its beginning to where it ends now. */
export async function readBrokerLog(brokers: readonly string[], topic: string): Promise<BrokerLog> {
  const kafka = new Kafka({ clientId: 'oracle', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const open = new Map(
    ends.filter(({ high, low }) => high !== low).map(({ partition, high }) => [partition, BigInt(high)]),
  );
  const read: RecordRead[] = [];
  if (open.size === 0) return judgeLog(read);
  const consumer = kafka.consumer({ groupId: `oracle-${process.pid}-${Date.now()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((done) => {
    void consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const { partitionkey, sequence } = JSON.parse(message.value!.toString()) as {
          partitionkey: string;
          sequence: string;
        };
        read.push({ partition, key: partitionkey, sequence: Number(sequence) });
        if (BigInt(message.offset) + 1n >= (open.get(partition) ?? 0n)) open.delete(partition);
        if (open.size === 0) done();
      },
    });
  });
  await consumer.disconnect();
  return judgeLog(read);
}

/** @param read in the order of each partition */
export function judgeLog(read: readonly RecordRead[]): BrokerLog {
  const partitionsOf = new Map<string, Set<number>>();
  const lastOf = new Map<string, number>();
  const seen = new Set<string>();
  const disordered: string[] = [];
  let copies = 0;
  for (const { partition, key, sequence } of read) {
    partitionsOf.set(key, (partitionsOf.get(key) ?? new Set()).add(partition));
    const event = `${key} ${sequence}`;
    if (seen.has(event)) copies += 1;
    else if (sequence < (lastOf.get(key) ?? 0)) disordered.push(`${event} behind ${lastOf.get(key)}`);
    seen.add(event);
    lastOf.set(key, Math.max(lastOf.get(key) ?? 0, sequence));
  }
  const scattered = [...partitionsOf].filter(([, partitions]) => partitions.size > 1).map(([key]) => key);
  return { records: read.length, copies, scattered, disordered };
}
