import { stat } from 'node:fs/promises';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { API_VERSION } from '@dsops/contracts/api';
import { verifyAudit } from '@dsops/contracts/audit/api';
import type { ResponseOf } from '@dsops/contracts/define-operation';
import { getFindings, getSystem, listDeadLetters } from '@dsops/contracts/gateway/api';
import { getInstallation, getStatus, type Finding } from '@dsops/contracts/rotation/api';
import type { ApiClient } from '@dsops/api-client';
import { findConnection, isLoopback, readApiKey } from '../connection.js';
import { chainFaults } from '../audit/chain-words.js';
import { asDomainError, EXIT } from '../failure.js';
import type { Io } from '../io.js';
import { print } from '../output/format.js';
import { findingLines } from '../output/finding.js';
import type { Act, Session } from '../session.js';
import { CLI_VERSION } from '../version.js';
import { examples, formatOption } from '../options.js';

type Check = () => Promise<Omit<Finding, 'check'>>;

export function register(program: CommandUnknownOpts, act: Act): void {
  const command = program
    .command('doctor')
    .description('is everything well? looks, and changes nothing')
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops doctor', 'exit code 1 when something is wrong']));
  command.action((options) =>
    act(command, async (session) => {
      const findings = await examine(session);
      const { out } = session;
      const isWell = findings.every(({ level }) => level !== 'error');
      print(out, options.format, { isWell, findings }, () => {
        const verdict = isWell ? out.paint.green('All is well.') : out.paint.red('Something is wrong: see above.');
        return [...findings.flatMap((finding) => findingLines(out.paint, finding)), '', verdict].join('\n');
      });
      return isWell ? EXIT.ok : EXIT.general;
    }),
  );
}

/** What stands on an earlier answer is not asked when that one is missing. */
async function examine(session: Session): Promise<Finding[]> {
  const findings: Finding[] = [];
  const look = async (name: string, check: Check): Promise<boolean> => {
    const finding = await check().catch((thrown: unknown) => {
      const { message, details } = asDomainError(thrown);
      return { level: 'error' as const, message, remedy: details.remedy ?? null };
    });
    findings.push({ check: name, ...finding });
    return finding.level !== 'error';
  };
  const { io, options } = session;
  if (!(await look('address', () => address(io, options.url)))) return findings;
  if (!(await look('API key', () => apiKey(io, options.url)))) return findings;
  const client = await session.client();
  if (!(await look('server', () => server(client)))) return findings;
  await look('house', async () => {
    const found = (await client.call(getFindings, {})).findings;
    for (const { service, check, level, message, remedy } of summed(found))
      findings.push({ check: `${service} ${check}`, level, message, remedy });
    return found.length === 0
      ? ok('its database, disk and events are as they should be')
      : wrong(
          found.some(({ level }) => level === 'error') ? 'error' : 'warning',
          'something that dsops stands on is not as it should be',
          'See above.',
        );
  });
  await look('mode', () => mode(client));
  await look('services', () => services(client));
  await look('audit log', () => auditLog(client));
  await look('dead letters', () => deadLetters(client));
  return findings;
}

type ServiceFinding = ResponseOf<typeof getFindings>['findings'][number];

/** What every service says of the same database is said once. */
const summed = (findings: readonly ServiceFinding[]): ServiceFinding[] => [
  ...new Map(findings.map((finding) => [`${finding.check} ${finding.message}`, finding])).values(),
];

const ok = (message: string) => ({ level: 'ok' as const, message, remedy: null });
const wrong = (level: 'warning' | 'error', message: string, remedy: string) => ({ level, message, remedy });

async function address(io: Io, given: string | undefined) {
  const { url, source } = await findConnection(io, given);
  const isClear = url.startsWith('http:') && !isLoopback(url);
  return isClear
    ? wrong('warning', `${url} (from ${source}): the API key travels unencrypted`, 'Use an https address.')
    : ok(`${url} (from ${source})`);
}

async function apiKey(io: Io, given: string | undefined) {
  const connection = await findConnection(io, given);
  await readApiKey(connection);
  const { keyFile } = connection;
  // Windows has no such bits; its file lists who may read through the folder above it.
  const isOpen = io.platform !== 'win32' && ((await stat(keyFile)).mode & 0o077) !== 0;
  return isOpen
    ? wrong('warning', `${keyFile} can be read by others`, 'Take that right away: chmod 600 on the file.')
    : ok(keyFile);
}

async function server(client: ApiClient) {
  const { version, apiVersion } = await client.call(getSystem, {});
  if (apiVersion !== API_VERSION)
    return wrong(
      'error',
      `dsops ${version} speaks API ${apiVersion}, this command ${API_VERSION}`,
      'Use the command of the same release.',
    );
  return version === CLI_VERSION
    ? ok(`dsops ${version}`)
    : wrong('warning', `dsops ${version}, this command is ${CLI_VERSION}`, 'Use the command of the same release.');
}

async function mode(client: ApiClient) {
  const { mode: name, reason } = await client.call(getInstallation, {});
  return name === 'normal'
    ? ok('normal')
    : wrong('error', `restored: nothing is rotated. ${reason ?? ''}`.trimEnd(), 'See dsops restore status.');
}

async function services(client: ApiClient) {
  const items = await client.list(getStatus);
  const troubled = items.filter(({ status }) => status === 'failed' || status === 'needs_operator');
  if (troubled.length > 0)
    return wrong(
      'error',
      `need attention: ${troubled.map(({ service_name: name, status }) => `${name} (${status})`).join(', ')}`,
      'See dsops rotation status -v.',
    );
  return items.length === 0 ? ok('none yet; add one with dsops service add') : ok(`${items.length}, none in trouble`);
}

async function auditLog(client: ApiClient) {
  const chain = await client.call(verifyAudit, {});
  const faults = chainFaults(chain);
  return faults.length === 0
    ? ok(`${chain.entries} entries, unbroken`)
    : wrong('error', faults.join('; '), 'Compare the database with a backup: it was changed past dsops, or is a copy.');
}

async function deadLetters(client: ApiClient) {
  const items = await client.list(listDeadLetters);
  if (items.length === 0) return ok('none');
  const blocking = items.filter(({ blocksKey }) => blocksKey).length;
  return wrong(
    blocking > 0 ? 'error' : 'warning',
    `${items.length} open, ${blocking} of them hold others up`,
    'See dsops deadletters list.',
  );
}
