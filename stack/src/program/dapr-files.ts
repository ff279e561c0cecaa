import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServiceName } from '@dsops/contracts/service-names';
import { renderDapr } from '@dsops/contracts-generate';

export interface DaprFiles {
  /** Components, subscriptions and resiliency, for every sidecar. */
  readonly resources: string;
  /** The Configurations of one service's sidecar, in order. */
  configOf(service: ServiceName): readonly string[];
}

/** Writes what the sidecars of this stack read, from the same source as the files in the repository's `dapr/`. */
export function writeDaprFiles(
  folder: string,
  settings: { readonly brokers: readonly string[]; readonly zipkinUrl: string | undefined },
): DaprFiles {
  rmSync(folder, { recursive: true, force: true });
  const files = renderDapr({
    kafka: { brokers: settings.brokers.join(',') },
    topicPrefix: '',
    hosting: { kind: 'processes' },
    ...(settings.zipkinUrl === undefined ? {} : { zipkinUrl: settings.zipkinUrl }),
  });
  for (const [path, text] of files) write(join(folder, path), text);
  const names = join(folder, 'names.yaml');
  write(names, nameResolution(join(folder, 'names.db')));
  return {
    resources: join(folder, 'resources'),
    configOf: (service) => [join(folder, 'config', `${service}.yaml`), names],
  };
}

/**
 * Sidecars of one stack find each other in a file of their own. With Dapr's default, mDNS, a call could reach the service
 * of the same name in another stack on this machine.
 */
const nameResolution = (file: string): string => `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: { name: names }
spec:
  nameResolution:
    component: sqlite
    configuration: { connectionString: ${JSON.stringify(file)} }
`;

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
}
