import { readFile } from 'node:fs/promises';
import { ApiClient, apiKey } from '@dsops/api-client';
import { DomainError, Secret, unwrapSecret } from '@dsops/kernel';
import { keyPaths } from '@dsops/rotation';
import { DATABASE_SUPERUSER, openKeyFile } from '@dsops/sealing';
import { showSample } from '@dsops/standalone';
import type { Screen } from '@dsops/standalone/screen';
import { stackHome } from './stack-home.js';
import { isAllUp, look } from './status.js';
import { findWidestTrace } from './trace.js';

/** Rotates the sample's login through the stack's API, before a witness, and ends on the trace of it. */
export async function showDemo(folder: string, screen: Screen): Promise<void> {
  const home = stackHome(folder);
  const found = await look(folder);
  if (found.is !== 'running' || !isAllUp(found)) throw notUp();
  const { gatewayUrl, zipkinUrl, databasePort } = found.record;
  if (gatewayUrl === undefined || zipkinUrl === undefined || databasePort === undefined) throw notUp();

  const key = await openKeyFile({ path: keyPaths(home.folder).keyFile, database: 'existing' });
  const superuserUrl = (database = 'postgres') =>
    `postgres://postgres:${encodeURIComponent(unwrapSecret(key.password(DATABASE_SUPERUSER)))}@127.0.0.1:${databasePort}/${database}`;
  const adminKey = new Secret((await readFile(home.adminKeyFile, 'utf8')).trim());
  const api = new ApiClient({ url: gatewayUrl, credentials: apiKey(adminKey) });
  const sinceMs = Date.now();
  screen.title('A rotation, through Dapr and Kafka');
  if (!(await showSample(api, { port: databasePort, superuserUrl }, screen, { isDemo: true }))) throw nothingShown();

  screen.heading('What it left in Zipkin');
  const trace = await findWidestTrace(zipkinUrl, sinceMs);
  if (trace === undefined) screen.skipped('trace', `none has arrived yet; look at ${zipkinUrl}`);
  else {
    screen.fact('spans', `${trace.spans}, of ${trace.services.join(', ')}`);
    screen.fact('trace', `${zipkinUrl}/zipkin/traces/${trace.id}`);
  }
}

const nothingShown = () =>
  new DomainError('demo_waits', 'conflict', 'Nothing was rotated: the sample waits for a person.', {
    remedy: 'See why with dsops rotation status -v, and resume or roll back its rotation first.',
  });

const notUp = () =>
  new DomainError('stack_not_up', 'conflict', 'There is no stack here that is up as a whole.', {
    remedy: 'Start one with pnpm stack up, or see what is missing with pnpm stack status.',
  });
