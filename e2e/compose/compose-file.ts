import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { ServiceName } from '@dsops/contracts/service-names';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
export const source = textOf('compose.yaml');

export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly target: string; readonly args?: { readonly APP?: string } };
  readonly environment?: Readonly<Record<string, string>>;
  readonly network_mode?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: string | readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, object>>;
}

/** Every variable has its own name as its value here. */
const filled = source.replaceAll(/\$\{([A-Z_]+):\?[^}]*\}/g, '$1').replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');
export const { services, volumes } = parse(filled, { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, null>;
};
export const sidecarOf = (service: ServiceName) => services[`${service}-daprd`]!;
/** The sidecar's command line as bash makes it. */
export const argsOf = (sidecar: ComposeService) =>
  sidecar.entrypoint!.at(-1)!.replaceAll('"', '').replaceAll('$$SERVICE', sidecar.environment!.SERVICE!).split(/\s+/);
export const optionsOf = (sidecar: ComposeService, name: string) =>
  argsOf(sidecar).flatMap((arg, at, all) => (arg === `--${name}` ? [all[at + 1]!] : []));
