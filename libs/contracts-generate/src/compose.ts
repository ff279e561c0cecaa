import { INSTALLATION_FILES, SERVICE_KEY, type ServiceDeclaration } from '@dsops/contracts/service-declaration';
import { SEALING_SERVICES, serviceDeclarations } from '@dsops/contracts/service-names';
import { TOPICS } from '@dsops/contracts/topics';
import { databasePasswordOf, LOCAL_SECRET_PREFIX, PUBSUB, SECRET_STORE } from './dapr.js';

/** Where the gateway listens on this machine, unless `.env` says otherwise. */
const PUBLIC_PORT = 4400;
/** In its container. */
const PORT = 8080;

/** What begins and what ends a part of compose.yaml that is written here. The rest of it is written by hand. */
const REGION = /^( *)# Generated from libs\/contracts: (\w+)\n[^]*?^ *# Generated until here$/gm;

const REGIONS: Readonly<Record<string, () => string[]>> = {
  topics: () =>
    [PUBSUB, ...TOPICS.toSorted().map((topic) => `${PUBSUB}-${topic}`)].map(
      (name) => `- ./dapr/compose/${name}.yaml:/dapr/resources/${name}.yaml:ro`,
    ),
  services: () => serviceDeclarations.flatMap((service) => [...serviceBlock(service), ...sidecarBlock(service)]),
  mounts: () => SEALING_SERVICES.map((name) => `- ${keysOf(name)}:/service-keys/${name}`),
  volumes: () => SEALING_SERVICES.map((name) => `${keysOf(name)}:`),
  passwords: () =>
    serviceDeclarations.map(
      ({ name }) => `DSOPS_DATABASE_PASSWORD_${upper(name)}: ${demanded(name, 'DATABASE_PASSWORD')}`,
    ),
};

/**
 * compose.yaml with what follows from the services: a container and a sidecar each, their passwords, their topics.
 * @throws Error when a part that should be there is not, or is not known
 */
export function composeFile(written: string): string {
  const found: string[] = [];
  const text = written.replaceAll(REGION, (_, indent: string, name: string) => {
    const lines = REGIONS[name]?.();
    if (lines === undefined) throw new Error(`compose.yaml: there is no part "${name}"`);
    found.push(name);
    return [`# Generated from libs/contracts: ${name}`, ...lines, '# Generated until here']
      .map((line) => (line === '' ? line : indent + line))
      .join('\n');
  });
  const missing = Object.keys(REGIONS).filter((name) => !found.includes(name));
  if (missing.length > 0) throw new Error(`compose.yaml has no part "${missing.join('", "')}"`);
  return text;
}

const upper = (service: string): string => service.toUpperCase();
/** A value that `.env` has to hold. */
const demanded = (service: string, what: string): string => `\${${upper(service)}_${what}:?see docs/stack.md}`;

/** The volume with the key of a service, and with whatever belongs beside it. Setup fills it. */
const keysOf = (service: string): string => `${service}-keys`;

function serviceBlock({ name, door, files, seals }: ServiceDeclaration): string[] {
  const given = [...(seals ? [SERVICE_KEY] : []), ...files.map((file) => INSTALLATION_FILES[file])];
  const folders = [...new Set<string>(given.map(({ folder }) => folder))];
  const mounts = folders.map((folder) => `'${folder === SERVICE_KEY.folder ? keysOf(name) : folder}:/${folder}'`);
  return [
    `${name}:`,
    '  <<: *service',
    `  image: dsops-${name}`,
    `  build: { context: ., target: service, args: { APP: ${name} } }`,
    '  environment:',
    '    <<: *service-environment',
    ...(door === 'public' ? ['    DSOPS_HOST: 0.0.0.0'] : []),
    `    DSOPS_DATABASE_PASSWORD_FROM: ${SECRET_STORE}/${databasePasswordOf(name)}`,
    ...given.map(({ variable, folder, file }) => `    ${variable}: /${folder}/${file}`),
    `    DAPR_API_TOKEN: ${demanded(name, 'API_TOKEN')}`,
    `    APP_API_TOKEN: ${demanded(name, 'APP_TOKEN')}`,
    ...(door === 'public' ? [`  ports: ['127.0.0.1:\${${upper(name)}_PORT:-${PUBLIC_PORT}}:${PORT}']`] : []),
    ...(mounts.length > 0 ? [`  volumes: [${mounts.join(', ')}]`] : []),
  ];
}

const sidecarBlock = ({ name }: ServiceDeclaration): string[] => [
  `${name}-daprd:`,
  '  <<: *sidecar',
  `  network_mode: service:${name}`,
  '  environment:',
  `    SERVICE: ${name}`,
  `    DAPR_API_TOKEN: ${demanded(name, 'API_TOKEN')}`,
  `    APP_API_TOKEN: ${demanded(name, 'APP_TOKEN')}`,
  `    ${LOCAL_SECRET_PREFIX}${databasePasswordOf(name)}: ${demanded(name, 'DATABASE_PASSWORD')}`,
  `  depends_on: { <<: *control-plane, ${name}: { condition: service_started, restart: true } }`,
  '',
];
