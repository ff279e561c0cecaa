import { InvalidArgumentError, Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { PartitionLag } from '@dsops/broker';
import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { consumers } from '@dsops/contracts/consumers';
import { TOPICS } from '@dsops/contracts/topics';
import { print } from '../output/format.js';
import { table } from '../output/table.js';
import type { Act } from '../session.js';
import { addressOf, brokerCommand } from './address.js';
import { examples } from '../options.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const command = brokerCommand(program, 'lag')
    .description('how far each service is behind in each topic')
    .addOption(
      new Option('--serve <address>', 'stay, and serve it to Prometheus, such as 127.0.0.1:9308').argParser(
        readAddress,
      ),
    )
    .addOption(new Option('--partitions', 'a line for each partition, not the sums').default(false))
    .addHelpText(
      'after',
      examples(
        ['dsops lag --brokers kafka:9092', ''],
        ['dsops lag --brokers kafka:9092 --partitions --format json', ''],
        ['dsops lag --brokers kafka:9092 --serve 127.0.0.1:9308', 'for Prometheus, until Ctrl-C'],
      ),
    );
  command.action((options) =>
    act(command, async (session) => {
      const { readLag, serveLag } = await import('@dsops/broker');
      const kafka = await addressOf(session, options);
      const rows = await readLag(kafka, listenersOf(options.prefix));
      if (options.serve !== undefined) {
        const server = await serveLag(kafka, listenersOf(options.prefix), options.serve);
        session.err.line(`${session.err.paint.green('✓')} Lag at ${server.url}; Ctrl-C ends it.`);
        await new Promise<void>((end) => session.io.onInterrupt(end));
        await server.close();
        return;
      }
      const shown: readonly LagLine[] = options.partitions ? rows : sums(rows);
      print(session.out, options.format, shown, () => {
        if (rows.length === 0)
          return `No topic of dsops is there. Make them: dsops topics apply --brokers ${options.brokers}`;
        const { paint } = session.out;
        return table(
          paint,
          ['TOPIC', 'GROUP', ...(options.partitions ? ['PARTITION'] : []), 'LAG', ''],
          shown.map(({ topic, group, partition, lag, committed }) => ({
            cells: [
              topic,
              group,
              ...(partition === undefined ? [] : [String(partition)]),
              lag === 0 ? paint.green('0') : String(lag),
              committed === null && lag > 0 ? paint.red('has never taken any') : '',
            ],
          })),
        );
      });
    }),
  );
}

function readAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('host:port, such as 127.0.0.1:9308.');
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/** The group of a service is its app id, which is its name. */
function listenersOf(prefix: string): { topic: string; groups: string[] }[] {
  const all: readonly ConsumerDeclaration[] = Object.values(consumers);
  return TOPICS.map((topic) => ({
    topic: `${prefix}${topic}`,
    groups: [...new Set(all.filter(({ topics }) => topics.includes(topic)).map(({ service }) => service))],
  }));
}

/** What one line shows: a partition, or all of a topic together. */
type LagLine = Omit<PartitionLag, 'partition'> & { readonly partition?: number };

/** One line for each topic and group; a group that has taken nothing in any partition never took any. */
const sums = (rows: readonly PartitionLag[]): LagLine[] =>
  [...Map.groupBy(rows, ({ topic, group }) => `${topic} ${group}`).values()].map((parts) => ({
    topic: parts[0]!.topic,
    group: parts[0]!.group,
    lag: parts.reduce((sum, { lag }) => sum + lag, 0),
    end: parts.reduce((sum, { end }) => sum + end, 0),
    committed: parts.every(({ committed }) => committed === null)
      ? null
      : parts.reduce((sum, { committed }) => sum + (committed ?? 0), 0),
  }));
