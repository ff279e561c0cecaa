import { dirname, join } from 'node:path';
import { z } from 'zod';
import { SERVICES, type ServiceName } from '@dsops/contracts/service-names';
import { DomainError, Secret } from '@dsops/kernel';

/** What has to be there before the services start. */
export interface SetupConfig {
  readonly host: string;
  readonly port: number;
  /** Made when it is not there. */
  readonly database: string;
  /** Who may create databases, roles and schemas. */
  readonly admin: { readonly user: string; readonly password: Secret };
  readonly passwordOf: (service: ServiceName) => Secret;
  /** The master key is made here, with a new database. */
  readonly keyFile: string;
  /** Where each service that seals finds the key that is derived for it, in a folder of its name. */
  readonly serviceKeys: string;
}

const secretSchema = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));
const passwordVariable = (service: ServiceName) => `DSOPS_DATABASE_PASSWORD_${service.toUpperCase()}`;

const schema = z.object({
  DSOPS_DATABASE_HOST: z.string().min(1).default('127.0.0.1'),
  DSOPS_DATABASE_PORT: z.coerce.number().int().min(1).max(65_535).default(5432),
  DSOPS_DATABASE_NAME: z.string().min(1).default('dsops'),
  DSOPS_DATABASE_ADMIN: z.string().min(1).default('postgres'),
  DSOPS_DATABASE_ADMIN_PASSWORD: secretSchema,
  DSOPS_KEY_FILE: z.string().min(1),
  DSOPS_SERVICE_KEYS: z.string().min(1).optional(),
});
const passwordsSchema = z.object(
  Object.fromEntries(SERVICES.map((service) => [passwordVariable(service), secretSchema])),
);

/** @throws DomainError `configuration_invalid` with the name of every variable that is missing or wrong */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): SetupConfig {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const known = schema.safeParse(given);
  const passwords = passwordsSchema.safeParse(given);
  if (!known.success || !passwords.success) {
    const names = [known, passwords].flatMap(({ error }) => error?.issues ?? []).map(({ path }) => path.join('.'));
    throw new DomainError(
      'configuration_invalid',
      'invalid',
      `Missing, or not what they should be: ${names.join(', ')}.`,
      { remedy: 'Set what is named. All variables: docs/configuration.md.' },
    );
  }
  const { data } = known;
  return {
    host: data.DSOPS_DATABASE_HOST,
    port: data.DSOPS_DATABASE_PORT,
    database: data.DSOPS_DATABASE_NAME,
    admin: { user: data.DSOPS_DATABASE_ADMIN, password: data.DSOPS_DATABASE_ADMIN_PASSWORD },
    passwordOf: (service) => passwords.data[passwordVariable(service)]!,
    keyFile: data.DSOPS_KEY_FILE,
    serviceKeys: data.DSOPS_SERVICE_KEYS ?? join(dirname(data.DSOPS_KEY_FILE), 'services'),
  };
}
