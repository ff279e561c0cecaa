/**
 * Everything that is derived from an installation's master key, and from nowhere else. Each purpose is a label of its
 * own, so that no two uses share a key.
 *
 * A label is never changed: what was derived from it is in use, in the database and in everything that was sealed.
 */

/** For {@link MasterKey.password}. Only this file makes one. */
export type PasswordPurpose = string & { readonly [purpose]: 'password' };
declare const purpose: unique symbol;

const password = (text: string): PasswordPurpose => `password: ${text}` as PasswordPurpose;

/** The superuser of a database server that dsops runs itself. */
export const DATABASE_SUPERUSER = password('database superuser');
/** The role that logs in for a schema, on such a server. */
export const databaseRole = (schema: string): PasswordPurpose => password(`database role ${schema}`);
/** What a sidecar on this machine asks of its service. */
export const sidecarToken = (service: string): PasswordPurpose => password(`dapr api token of ${service}`);
/** What a service on this machine asks of its sidecar. */
export const serviceToken = (service: string): PasswordPurpose => password(`dapr app token of ${service}`);

/** Names a master key without telling anything about it. */
export const KEY_ID = 'dsops key id';

/** Rotation sealed before any other service did: its labels name no service. */
const FIRST_TO_SEAL = 'rotation';
const ofService = (label: string, service: string) => (service === FIRST_TO_SEAL ? label : `${label} of ${service}`);

/** Wraps the data keys of one service. */
export const wrappingKey = (service: string): string => ofService('wrap data keys', service);
/** Makes the fingerprints of one service. */
export const fingerprintKey = (service: string): string => ofService('fingerprint', service);
/** What stands before purpose and ids in the associated data of a service's values. */
export const sealedBy = (service: string): readonly string[] => (service === FIRST_TO_SEAL ? [] : [service]);
