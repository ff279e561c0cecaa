import type { ConsumerDeclaration } from '@dsops/contracts/consumer-declaration';
import { consumers } from '@dsops/contracts/consumers';
import { INSTALLATION_FILES, SERVICE_KEY, type ServiceDeclaration } from '@dsops/contracts/service-declaration';
import { serviceDeclarations } from '@dsops/contracts/service-names';
import { TOPICS } from '@dsops/contracts/topics';

const row = (...cells: string[]) => `| ${cells.join(' | ')} |`;
const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(' ');

function heardBy(service: string): string {
  const all: readonly ConsumerDeclaration[] = Object.values(consumers);
  const topics = new Set(all.filter((consumer) => consumer.service === service).flatMap((consumer) => consumer.topics));
  return topics.size === TOPICS.length ? 'everything' : code([...topics]);
}

const describe = ({ name, owns, topics, files, seals, door }: ServiceDeclaration): string =>
  row(
    `\`apps/${name}\``,
    owns,
    code(topics),
    heardBy(name),
    code(
      [...(seals ? [SERVICE_KEY] : []), ...files.map((file) => INSTALLATION_FILES[file])].map(
        ({ variable }) => variable,
      ),
    ),
    door === 'public' ? 'everybody with an API key' : 'the gateway, and services that ask for its events',
  );

/** The page that lists the services. */
export const servicesPage = (): string =>
  [
    '# The services',
    'Generated from `libs/contracts` by `node tools/generate.mjs`; do not edit it. What runs where is in [architecture.md](../architecture.md).',
    [
      row('service', 'owns', 'says events on', 'listens to', 'is told of files by', 'answers'),
      row('---', '---', '---', '---', '---', '---'),
      ...serviceDeclarations.map(describe),
    ].join('\n'),
    'Each has a schema and a role of its own in the database, a Dapr sidecar where it runs as a process of its own, and a container in compose.yaml.',
  ].join('\n\n') + '\n';
