import type { EventDefinition } from '@dsops/contracts/define-event';
import { topicFlows, type TopicFlow } from './topic-list.js';

/** `dsops.rotation.rotation.started.v1` → `rotation.started v1`: inside a topic the rest says nothing. */
const short = (event: EventDefinition): string => {
  const [, , thing, happened, version] = event.type.split('.');
  return `${thing}.${happened} ${version}`;
};

const node = (kind: string, name: string) => `${kind}_${name.replaceAll('-', '_')}`;

function drawTopic({ topic, events, producers, listeners }: TopicFlow): string[] {
  const place = node('topic', topic);
  return [
    `  ${place}[/"<b>${topic}</b><br/>${events.map(short).join('<br/>')}"/]`,
    ...producers.map((producer) => `  ${node('producer', producer)} --> ${place}`),
    ...listeners
      .filter(({ handles }) => handles.length > 0)
      .map(({ consumer, handles }) => {
        const label = handles.length === events.length ? 'all' : handles.map(short).join('<br/>');
        return `  ${place} -- "${label}" --> ${node('consumer', consumer.name)}`;
      }),
  ];
}

function drawFlow(flows: readonly TopicFlow[]): string {
  const producers = [...new Set(flows.flatMap((flow) => flow.producers))];
  const consumers = new Map(
    flows.flatMap((flow) => flow.listeners.map(({ consumer }) => [consumer.name, consumer.service] as const)),
  );
  return [
    'flowchart LR',
    ...producers.map((name) => `  ${node('producer', name)}(["${name}"])`),
    ...[...consumers].map(
      ([name, service]) => `  ${node('consumer', name)}(["${name === service ? name : `${name} of ${service}`}"])`,
    ),
    ...flows.flatMap(drawTopic),
  ].join('\n');
}

const cell = (text: string) => text.replaceAll('|', '\\|');
const row = (...cells: string[]) => `| ${cells.map(cell).join(' | ')} |`;

function tabulate({ topic, events, listeners }: TopicFlow): string {
  const whoHandles = (event: EventDefinition) =>
    listeners.filter(({ handles }) => handles.includes(event)).map(({ consumer }) => consumer.name);
  return [
    `## ${topic}`,
    '',
    row('type', 'said by', 'key', 'what it says', 'handled by'),
    row('---', '---', '---', '---', '---'),
    ...events.map((event) =>
      row(`\`${event.type}\``, event.producer, event.key, event.description, whoHandles(event).join(', ')),
    ),
  ].join('\n');
}

/** The page with the drawing of the event flow: producers → topics → consumers, and each type in words. */
export function eventFlowPage(): string {
  const flows = topicFlows();
  const sections = [
    '# The event flow',
    'Generated from `libs/contracts` by `node tools/generate.mjs`; do not edit it. The rules are in [events.md](../events.md).',
    ['```mermaid', drawFlow(flows), '```'].join('\n'),
    'Left who says it, in the middle the topic with its types, right who handles which of them. A consumer reads its topics whole; what it does not handle only moves its cursor.',
    ...flows.map(tabulate),
  ];
  return `${sections.join('\n\n')}\n`;
}
