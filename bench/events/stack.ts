import type { Bench, Report } from '../bench.js';
import { median, medianRatio, threeDigits } from '../figures.js';
import { KEYS, startOurStack } from './our-stack.js';
import { RawDapr } from './raw-dapr.js';
import { RawKafka } from './raw-kafka.js';

const AIM = 0.8;

/** Our events on Dapr and Kafka beside Dapr and kafkajs alone: one broker, one run, durable settings. */
export async function stackBench(bench: Bench, { rounds, count }: { rounds: number; count: number }): Promise<Report> {
  const { servers, stream, draw } = await startOurStack(bench);
  const raw = await RawDapr.start(bench, servers, draw);
  const kafka = await RawKafka.start(bench, servers, draw);
  const contenders = [raw, kafka, stream.fromTheOutbox, stream.fromTheCommand];

  bench.progress('warming up');
  for (const contender of contenders) await contender.run(Math.min(count, 1_000));
  const rates = contenders.map((): number[] => []);
  const problems: string[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const [turn] of contenders.entries()) {
      const which = (turn + round) % contenders.length;
      const contender = contenders[which]!;
      bench.progress(`round ${round + 1} of ${rounds}: ${contender.name}`);
      rates[which]!.push((count * 1_000) / (await contender.run(count)));
      problems.push(...(await contender.problems()));
    }

  const ratios = rates.map((ofContender) => medianRatio(ofContender, rates[0]!));
  const [, , ratio = 0] = ratios;
  return {
    tables: [
      {
        title: `${count} events, ${KEYS} skewed keys, medians of ${rounds} rounds`,
        columns: ['', 'events per s', '× raw Dapr'],
        rows: contenders.map(({ name }, nth) => [name, threeDigits(median(rates[nth]!)), ratios[nth]!.toFixed(2)]),
      },
    ],
    notes: [
      `From a full outbox: ${ratio.toFixed(2)} of raw Dapr; the aim is at least ${AIM}: ${ratio >= AIM ? 'reached' : 'missed'}.`,
      'Raw Dapr and kafkajs end when a subscriber has answered. Ours end when the effect is committed in PostgreSQL, once and in order; from the command they begin with a transaction for each.',
    ],
    problems,
    figures: {
      contenders: contenders.map(({ name }, nth) => ({ name, rates: rates[nth], ratio: ratios[nth] })),
      aim: AIM,
    },
  };
}
