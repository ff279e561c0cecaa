import { setTimeout as pause } from 'node:timers/promises';
import { isDomainError } from '@dsops/kernel';
import {
  refusesToken,
  Sidecar,
  sidecarFault,
  tryParseJson,
  type SidecarAnswer,
  type SidecarOptions,
} from '@dsops/platform';

/** How long a sidecar that is still starting is waited for. */
export interface WaitOptions {
  readonly timeoutMs?: number;
  /** Said once, with the reason. */
  readonly onWaiting?: (reason: string) => void;
  readonly signal?: AbortSignal;
}

/** A secret in one of the sidecar's secret stores. Stores keep one or more entries under a key. */
interface SecretReference {
  readonly store: string;
  readonly key: string;
  readonly entry: string;
}

/** The secret, or why it cannot be had: the end of a sentence that begins with the variable's name. Never with a value. */
export type FetchedSecret = { readonly value: string } | { readonly problem: string };

const TIMEOUT_MS = 60_000;
const AGAIN_AFTER_MS = 500;
/** One question. Behind the sidecar a store somewhere else may have to be asked. */
const ASK_TIMEOUT_MS = 15_000;

/** Secrets from any Dapr secret store, https://docs.dapr.io/reference/api/secrets_api/. */
export class SecretStores {
  private readonly sidecar: Sidecar;
  private readonly deadlineMs: number;
  private hasSaid = false;

  /** @throws DomainError `sidecar_token_invalid` */
  constructor(
    options: SidecarOptions,
    private readonly wait: WaitOptions,
  ) {
    this.sidecar = new Sidecar(options);
    this.deadlineMs = performance.now() + (wait.timeoutMs ?? TIMEOUT_MS);
  }

  /**
   * @param from `store/key`, or `store/key#entry` where the entry is not called as the key
   * @throws the reason of the signal when that aborts
   */
  async fetch(from: string): Promise<FetchedSecret> {
    const reference = parseReference(from);
    if (reference === undefined) return { problem: 'is not of the form store/key or store/key#entry' };
    const path = `/v1.0/secrets/${encodeURIComponent(reference.store)}/${encodeURIComponent(reference.key)}`;
    const answer = await this.ask(path);
    return typeof answer === 'string' ? { problem: `cannot be read: ${answer}` } : judge(answer, reference);
  }

  /** The answer, or why there was none. Until the sidecar answers it is starting: it does not before it has its stores. */
  private async ask(path: string): Promise<SidecarAnswer | string> {
    const { signal, onWaiting } = this.wait;
    for (;;) {
      try {
        return await this.sidecar.ask({ method: 'GET', path, timeoutMs: ASK_TIMEOUT_MS });
      } catch (error) {
        if (!isDomainError(error)) throw error;
        if (performance.now() + AGAIN_AFTER_MS > this.deadlineMs) return error.message;
        if (!this.hasSaid) onWaiting?.(error.message);
        this.hasSaid = true;
      }
      await pause(AGAIN_AFTER_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Names of stores are those of Kubernetes' resources; a key may have slashes itself, such as a path in Vault. */
function parseReference(text: string): SecretReference | undefined {
  const [, store, key, entry] = /^([a-z0-9][a-z0-9.-]*)\/([^#]+)(?:#([^#]+))?$/.exec(text) ?? [];
  return store === undefined || key === undefined ? undefined : { store, key, entry: entry ?? key };
}

/** daprd 1.18.1: pkg/api/universal/secrets.go and pkg/messages/predefined.go. */
function judge(answer: SidecarAnswer, { entry }: SecretReference): FetchedSecret {
  if (refusesToken(answer)) return { problem: 'cannot be read: the sidecar refuses DAPR_API_TOKEN' };
  const fault = sidecarFault(answer);
  if (fault !== undefined) return { problem: problemOf(fault) };
  if (answer.status !== 200 && answer.status !== 204)
    return { problem: `cannot be read: the sidecar answered ${answer.status}` };
  const entries = tryParseJson(answer.text);
  const value: unknown = isRecord(entries) ? entries[entry] : undefined;
  if (typeof value !== 'string')
    return {
      problem: `names a secret that has no such entry${isRecord(entries) ? ` (it has ${Object.keys(entries).length} with other names)` : ''}`,
    };
  const trimmed = value.trim();
  // A store of environment variables answers so for one that is not there.
  return trimmed === '' ? { problem: 'names a secret that is empty or not there' } : { value: trimmed };
}

function problemOf(fault: string): string {
  if (/ERR_SECRET_STORE(S_NOT_CONFIGURED|_NOT_FOUND)/.test(fault))
    return 'names a secret store that the sidecar does not have, or not for this app id';
  if (fault.includes('ERR_PERMISSION_DENIED'))
    return "names a secret that the scopes in the sidecar's Configuration deny this service";
  return `cannot be read: the store says no (${fault})`;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
