import { fault, type FakeAnswer } from './fake-publish.js';

export interface FakeSecretStore {
  /** Entries by key. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Keys that the scopes allow; all unless given. */
  readonly allowed?: readonly string[];
}

/**
 * `GET /v1.0/secrets/<store>/<key>` as daprd 1.18.1 answers it (pkg/api/universal/secrets.go), before a store of files.
 * The codes and their statuses, an unknown store's 401 among them, are in pkg/messages/predefined.go.
 */
export function getSecret(stores: Readonly<Record<string, FakeSecretStore>>, path: string): FakeAnswer {
  const [, storeName = '', key = ''] = /^\/v1\.0\/secrets\/([^/]+)\/([^/]+)$/.exec(path)?.map(decodeURIComponent) ?? [];
  if (key === '') return fault(404, 'ERR_NOT_FOUND', 'method not found');
  if (Object.keys(stores).length === 0)
    return fault(500, 'ERR_SECRET_STORES_NOT_CONFIGURED', 'secret store is not configured');
  const store = stores[storeName];
  if (store === undefined)
    return fault(401, 'ERR_SECRET_STORE_NOT_FOUND', `failed finding secret store with key ${storeName}`);
  if (store.allowed !== undefined && !store.allowed.includes(key))
    return fault(403, 'ERR_PERMISSION_DENIED', `access denied by policy to get "${key}" from "${storeName}"`);
  const entries = store.secrets[key];
  if (entries === undefined)
    return fault(
      500,
      'ERR_SECRET_GET',
      `failed getting secret with key ${key} from secret store ${storeName}: secret ${key} not found`,
    );
  return { status: 200, body: entries };
}
