import { Option, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { TopicSpec, TopicStep } from '@dsops/broker';
import { TOPICS, TOPIC_PARTITIONS } from '@dsops/contracts/topics';
import { formatDuration, parseDuration } from '@dsops/kernel';
import { EXIT } from '../failure.js';
import { print } from '../output/format.js';
import { table } from '../output/table.js';
import type { Terminal } from '../output/terminal.js';
import type { Act } from '../session.js';
import { addressOf, brokerCommand } from './address.js';
import { examples, readCount } from '../options.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const topics = program.command('topics').description("Kafka's topics, as the contracts want them");
  registerDiff(topics, act);
  registerApply(topics, act);
}

const retentionOption = () =>
  new Option('--retention <time>', 'how long records stay: 7d on one machine, 30d in a cluster is usual').default('7d');

function registerDiff(parent: CommandUnknownOpts, act: Act): void {
  const command = brokerCommand(parent, 'diff')
    .description('what apply would do; changes nothing. Ends with 1 when there is something to do')
    .addOption(retentionOption())
    .addHelpText('after', examples(['dsops topics diff --brokers kafka:9092 --prefix staging-', '']));
  command.action((options) =>
    act(command, async (session) => {
      const { diffTopics } = await import('@dsops/broker');
      const steps = await diffTopics(await addressOf(session, options), wantedTopics(options));
      print(session.out, options.format, steps, () => tabulate(session.out, steps));
      return steps.every(({ change }) => change === 'none') ? EXIT.ok : EXIT.general;
    }),
  );
}

function registerApply(parent: CommandUnknownOpts, act: Act): void {
  const command = brokerCommand(parent, 'apply')
    .description('make what is missing, and set how long records stay; never another number of partitions')
    .addOption(retentionOption())
    .addOption(new Option('--replicas <count>', 'copies of each partition').argParser(readCount).default(1))
    .addHelpText(
      'after',
      examples(['dsops topics apply --brokers a:9092,b:9092,c:9092 --retention 30d --replicas 3', '']),
    );
  command.action((options) =>
    act(command, async (session) => {
      const { replicas } = options;
      const { applyTopics } = await import('@dsops/broker');
      const steps = await applyTopics(await addressOf(session, options), wantedTopics(options), { replicas });
      print(session.out, options.format, steps, () => tabulate(session.out, steps));
    }),
  );
}

const wantedTopics = ({ prefix, retention }: { prefix: string; retention: string }): TopicSpec[] =>
  TOPICS.map((topic) => ({
    name: `${prefix}${topic}`,
    partitions: TOPIC_PARTITIONS,
    retentionMs: parseDuration(retention),
  }));

const tabulate = (out: Terminal, steps: readonly TopicStep[]): string =>
  table(
    out.paint,
    ['TOPIC', 'CHANGE', ''],
    steps.map((step) => ({ cells: [step.name, wordChange(out, step), detailOf(step)] })),
  );

function wordChange({ paint }: Terminal, { change }: TopicStep): string {
  if (change === 'none') return paint.dim('none');
  return change === 'conflict' ? paint.red('cannot be done') : paint.green(change === 'make' ? 'new' : 'retention');
}

function detailOf(step: TopicStep): string {
  switch (step.change) {
    case 'none':
      return '';
    case 'make':
      return `${step.partitions} partitions, ${formatDuration(step.retentionMs)}`;
    case 'retention':
      return `${formatDuration(step.fromMs)} → ${formatDuration(step.toMs)}`;
    case 'conflict':
      return `it has ${step.found} partitions, ${step.wanted} are wanted: keys would move`;
  }
}
