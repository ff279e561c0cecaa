import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { DatabaseOptions } from '@dsops/database';
import type { ServiceName } from '@dsops/contracts/service-names';
import { DomainError, isDomainError, Secret } from '@dsops/kernel';
import { ServiceKey } from '@dsops/sealing';
import { SecretStores, type FetchedSecret, type WaitOptions } from './secret-store.js';

/** What every service reads from its environment. Names that are Dapr's own are spelled as Dapr spells them. */
export interface ServiceConfig {
  readonly host: string;
  readonly port: number;
  readonly database: DatabaseOptions;
  readonly logLevel: string;
  readonly sidecar: { readonly sidecarUrl: string; readonly apiToken: Secret };
  /** What the sidecar shows to the service. */
  readonly appToken: Secret;
  /** Such as `staging-`. */
  readonly topicPrefix: string;
  /** Port of `/metrics`; 0: none. */
  readonly metricsPort: number;
  /** Where spans go; nowhere unless said. */
  readonly telemetry: {
    readonly zipkinUrl?: string | undefined;
    readonly otlpUrl?: string | undefined;
    /** The share of traces that are collected, from 0 to 1. */
    readonly traceShare: number;
  };
}

export type Environment = Readonly<Record<string, string | undefined>>;

const portSchema = z.coerce.number().int().min(1).max(65_535);
const secretSchema = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

/** What sidecar and service know each other by, and so cannot come through the sidecar. */
const TOKENS: readonly string[] = ['DAPR_API_TOKEN', 'APP_API_TOKEN'];
/** Tokens first: the others may need them. */
const SECRETS = [...TOKENS, 'DSOPS_DATABASE_PASSWORD', 'DSOPS_SERVICE_KEY'];

const schema = z.object({
  DSOPS_HOST: z.string().min(1).default('127.0.0.1'),
  DSOPS_PORT: portSchema.default(8080),
  DSOPS_DATABASE_HOST: z.string().min(1).default('127.0.0.1'),
  DSOPS_DATABASE_PORT: portSchema.default(5432),
  DSOPS_DATABASE_NAME: z.string().min(1).default('dsops'),
  DSOPS_DATABASE_PASSWORD: secretSchema,
  DSOPS_DATABASE_POOL: z.coerce.number().int().min(2).max(500).default(10),
  DSOPS_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  DSOPS_TOPIC_PREFIX: z
    .string()
    .regex(/^[a-z0-9.-]*$/, 'holds other characters than a-z, 0-9, . and -')
    .default(''),
  DAPR_HTTP_PORT: portSchema.default(3500),
  DAPR_API_TOKEN: secretSchema,
  APP_API_TOKEN: secretSchema,
  DSOPS_METRICS_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  DSOPS_ZIPKIN_URL: z.url({ protocol: /^https?$/ }).optional(),
  DSOPS_OTLP_URL: z.url({ protocol: /^https?$/ }).optional(),
  DSOPS_TRACE_SHARE: z.coerce.number().min(0).max(1).default(1),
});

/** The variable of a service that seals. */
export const serviceKeyConfig = (service: ServiceName) => ({
  DSOPS_SERVICE_KEY: z.string().transform((text, { addIssue }) => {
    try {
      return ServiceKey.read(new Secret(text), service);
    } catch (error) {
      addIssue({ code: 'custom', message: isDomainError(error) ? error.message : 'It cannot be read.' });
      return z.NEVER;
    }
  }),
});

/**
 * The service's configuration, and of `extra` what is its own. Empty variables count as missing. A secret that lies in a
 * store is fetched through the sidecar, which is waited for.
 * @throws DomainError `configuration_invalid` with every problem, by the variable's name and never with its value; the
 *   reason of `wait.signal` when that aborts
 */
export async function readServiceConfig<Extra extends z.ZodRawShape>(
  environment: Environment,
  extra: Extra,
  wait: WaitOptions = {},
): Promise<ServiceConfig & { readonly own: z.output<z.ZodObject<Extra>> }> {
  const given = { ...environment };
  for (const [name, value] of Object.entries(given)) if (value === '') delete given[name];
  const problems = await readSecrets(given, wait);
  const known = schema.safeParse(given);
  const own = z.object(extra).safeParse(given);
  for (const { error } of [known, own])
    for (const { path, code, message } of error?.issues ?? []) {
      const name = path.join('.');
      const isMissing = given[name] === undefined;
      const text = isMissing
        ? 'is missing'
        : code === 'invalid_format'
          ? message
          : 'is not what it should be: ' + message;
      if (!problems.some((problem) => problem.startsWith(`${name}_`))) problems.push(`${name} ${text}`);
    }
  if (problems.length > 0 || !known.success || !own.success)
    throw new DomainError(
      'configuration_invalid',
      'invalid',
      `The environment of this service is not in order: ${problems.join('; ')}.`,
      { remedy: 'Set what is named, and start it again. All variables: docs/configuration.md.' },
    );
  const { data } = known;
  return {
    host: data.DSOPS_HOST,
    port: data.DSOPS_PORT,
    database: {
      host: data.DSOPS_DATABASE_HOST,
      port: data.DSOPS_DATABASE_PORT,
      database: data.DSOPS_DATABASE_NAME,
      password: data.DSOPS_DATABASE_PASSWORD,
      poolSize: data.DSOPS_DATABASE_POOL,
    },
    logLevel: data.DSOPS_LOG_LEVEL,
    sidecar: { sidecarUrl: urlOfSidecar(data.DAPR_HTTP_PORT), apiToken: data.DAPR_API_TOKEN },
    appToken: data.APP_API_TOKEN,
    topicPrefix: data.DSOPS_TOPIC_PREFIX,
    metricsPort: data.DSOPS_METRICS_PORT,
    telemetry: { zipkinUrl: data.DSOPS_ZIPKIN_URL, otlpUrl: data.DSOPS_OTLP_URL, traceShare: data.DSOPS_TRACE_SHARE },
    own: own.data,
  };
}

const urlOfSidecar = (port: number): string => `http://127.0.0.1:${port}`;

/**
 * Puts into `given` the secrets that stand elsewhere: in a file that `<name>_FILE` names, as mounted secrets do, or in a
 * secret store of the sidecar, which `<name>_FROM` names. Answers what is wrong with them.
 */
async function readSecrets(given: Record<string, string | undefined>, wait: WaitOptions): Promise<string[]> {
  const problems: string[] = [];
  let stores: SecretStores | undefined;
  for (const name of SECRETS) {
    const forms = [name, `${name}_FILE`, `${name}_FROM`].filter((form) => given[form] !== undefined);
    const form = forms.at(-1);
    if (form === undefined || form === name) continue;
    const at = given[form]!;
    const read =
      forms.length > 1
        ? { problem: `says again what ${forms[0]} says: keep one of them` }
        : await readElsewhere(form, at);
    if ('value' in read) given[name] = read.value;
    else problems.push(`${form} ${read.problem}`);
  }
  return problems;

  async function readElsewhere(form: string, at: string): Promise<FetchedSecret> {
    if (form.endsWith('_FILE')) return readSecretFile(at);
    if (TOKENS.some((token) => form === `${token}_FROM`))
      return { problem: 'is not possible: the sidecar knows the service by this token before it gives any secret' };
    const way = schema.pick({ DAPR_HTTP_PORT: true, DAPR_API_TOKEN: true }).safeParse(given);
    if (!way.success) return { problem: 'cannot be read without DAPR_HTTP_PORT and DAPR_API_TOKEN' };
    const { DAPR_HTTP_PORT: port, DAPR_API_TOKEN: apiToken } = way.data;
    try {
      stores ??= new SecretStores({ sidecarUrl: urlOfSidecar(port), apiToken }, wait);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return { problem: `cannot be read: ${error.message}` };
    }
    return stores.fetch(at);
  }
}

function readSecretFile(path: string): FetchedSecret {
  try {
    const value = readFileSync(path, 'utf8').trim();
    return value === '' ? { problem: 'names an empty file' } : { value };
  } catch (error) {
    return { problem: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})` };
  }
}
