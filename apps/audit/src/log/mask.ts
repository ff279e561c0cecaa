const MASK = '[secret]';

const NAMED_LIKE_A_SECRET =
  /pass(word|wd|phrase)|secret|token|authorization|cookie|(private|api|access)[-_]?key|connection[-_]?string|verifier|^(key|value)$/i;
/** `tokenId` or `secretName` says which one is meant, not what it is. */
const TELLS_WHICH = /(Id|Name|Kind|At|Ms)$|_(id|name|kind|at|ms)$/;

/**
 * The details of an entry as they are kept for ever. Contracts let no secret into an event; this is the second lock:
 * what is named like a secret is masked at any depth. Strings become well-formed Unicode, which canonical JSON demands.
 */
export function maskDetails(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(maskDetails);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.toWellFormed(),
      isSecretName(name) && inner !== null ? MASK : maskDetails(inner),
    ]),
  );
}

const isSecretName = (name: string): boolean => NAMED_LIKE_A_SECRET.test(name) && !TELLS_WHICH.test(name);
