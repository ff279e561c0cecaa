import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { renderDapr, type KafkaAccess } from '@dsops/contracts-generate';
import { Secret } from '@dsops/kernel';

export const API_TOKEN = new Secret('api-token-of-the-stack-specs');
export const APP_TOKEN = new Secret('app-token-of-the-stack-specs');

/** What every sidecar of an environment reads. */
export interface SidecarFiles {
  readonly topicPrefix: string;
  readonly resourcesPath: string;
  readonly configPathOf: (appId: string) => string;
}

export interface SidecarWishes {
  readonly brokers?: readonly string[];
  readonly topicPrefix?: string;
  readonly login?: Pick<KafkaAccess, 'scram' | 'tls'>;
  /** A service has more processes than a few. */
  readonly isReplicated?: boolean;
}

/** Writes the files as `pnpm generate` renders them for the product. Without brokers: those that need no Kafka. */
export async function writeSidecarFiles(
  folder: string,
  { brokers, topicPrefix = '', login, isReplicated = false }: SidecarWishes,
): Promise<SidecarFiles> {
  const settings = {
    kafka: { brokers: (brokers ?? []).join(','), ...login },
    topicPrefix,
    hosting: { kind: 'processes', isReplicated },
  } as const;
  for (const [path, text] of renderDapr(settings)) {
    if (brokers === undefined && /pubsub|subscription/.test(path)) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return {
    topicPrefix,
    resourcesPath: join(folder, 'resources'),
    configPathOf: (appId) => join(folder, 'config', `${appId}.yaml`),
  };
}
