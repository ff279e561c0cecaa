import { DomainError } from '@dsops/kernel';
import { tryParseJson, type Sidecar } from './dapr-sidecar.js';

/**
 * Older ones lose records of Kafka while they deliver again during a rebalance, https://github.com/dapr/dapr/issues/8825.
 */
const OLDEST = [1, 15, 6] as const;

/**
 * Is the sidecar new enough? Versions that are no numbers, such as `edge`, are taken for new.
 * @throws DomainError `sidecar_outdated`, `sidecar_unavailable`
 */
export async function requireSidecarVersion(sidecar: Sidecar): Promise<void> {
  // https://docs.dapr.io/reference/api/metadata_api/
  const { status, text } = await sidecar.ask({ method: 'GET', path: '/v1.0/metadata', timeoutMs: 2_000 });
  if (status !== 200)
    throw new DomainError(
      'sidecar_unavailable',
      'unavailable',
      `The Dapr sidecar does not say what it is (${status}).`,
      { remedy: 'See whether DAPR_API_TOKEN is the token that it asks for.' },
    );
  const { runtimeVersion } = (tryParseJson(text) ?? {}) as { runtimeVersion?: unknown };
  const [, ...parts] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(String(runtimeVersion)) ?? [];
  const differing = OLDEST.findIndex((wanted, nth) => parts[nth] !== undefined && Number(parts[nth]) !== wanted);
  if (differing < 0 || Number(parts[differing]) > OLDEST[differing]!) return;
  throw new DomainError(
    'sidecar_outdated',
    'unavailable',
    `The Dapr sidecar is version ${parts.join('.')}; ${OLDEST.join('.')} or newer is needed, because older ones lose events.`,
    { remedy: 'Update Dapr, and restart the sidecar.' },
  );
}
