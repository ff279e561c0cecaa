import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { listAudit, listAuditOf, verifyAudit, type AuditEntry } from '@dsops/contracts/audit/api';
import { blindSpotOf, chainFaults } from './chain-words.js';
import { EXIT } from '../failure.js';
import { sinceOf, untilOf } from '../input/instant.js';
import { print } from '../output/format.js';
import { table } from '../output/table.js';
import type { Paint } from '../output/terminal.js';
import { timestamp } from '../output/time.js';
import type { Act } from '../session.js';
import { examples, formatOption, limitOption } from '../options.js';

export function register(program: CommandUnknownOpts, act: Act): void {
  const audit = program.command('audit').description('who did what, in a record that is chained by hash');
  registerList(audit, act);
  registerVerify(audit, act);
}

function registerList(audit: CommandUnknownOpts, act: Act): void {
  const command = audit
    .command('list')
    .description('entries, newest first; times are UTC')
    .option('--entity <kind/id>', 'only of one entity, such as service/01JD…')
    .option('--actor <actor>', 'only by this actor')
    .option('--action <action>', 'only this action, such as rotation.rotation.completed')
    .option('--since <when>', 'from 2026-11-21, 2026-Q4, or so long ago: 24h, 7d')
    .option('--until <when>', 'up to and with 2026-11-21, 2026-Q4, 24h, 7d')
    .addOption(limitOption(50))
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops audit list --since 24h', 'today'],
        ['dsops audit list --action rotation.check_out.granted', 'who took a secret out'],
      ),
    );
  command.action((options) =>
    act(command, async ({ client: connect, out, io }) => {
      const { actor, action } = options;
      const filter = {
        actor,
        action,
        since: options.since === undefined ? undefined : sinceOf(options.since, io.now()),
        until: options.until === undefined ? undefined : untilOf(options.until, io.now()),
      };
      const client = await connect();
      const [kind, entityId] = options.entity?.split(/\/(.*)/s) ?? [];
      const most = options.limit;
      const entries =
        kind !== undefined && entityId
          ? await client.list(listAuditOf, { params: { kind, entityId }, query: filter }, { most })
          : await client.list(listAudit, { query: { ...filter, entity: options.entity } }, { most });
      print(out, options.format, entries, () =>
        entries.length === 0 ? 'No audit entries match.' : auditTable(out.paint, entries),
      );
    }),
  );
}

const auditTable = (paint: Paint, entries: readonly AuditEntry[]): string =>
  table(
    paint,
    ['#', 'TIMESTAMP', 'ACTOR', 'ACTION', 'ENTITY', 'DETAILS'],
    entries.map(({ position, at, actor, action, entity, details }) => ({
      cells: [
        String(position),
        timestamp(at),
        `${actor.name} (${actor.kind.replace('_', ' ')})`,
        action,
        `${entity.kind}/${entity.id}`,
        paint.dim(detailWords(details)),
      ],
    })),
  );

const TELLING = ['service', 'environment', 'version', 'step', 'outcome', 'operation', 'status', 'code', 'reason'];

/** The few details that a person looks for; `--format json` has them all. */
function detailWords(details: AuditEntry['details']): string {
  const words = TELLING.map((name) => details[name]).filter(
    (value) => typeof value === 'string' || typeof value === 'number',
  );
  const line = words.join(' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}

function registerVerify(audit: CommandUnknownOpts, act: Act): void {
  const command = audit
    .command('verify')
    .description('recompute the chain of hashes, and compare its end with the head kept outside the database')
    .addOption(formatOption())
    .addHelpText('after', examples(['dsops audit verify', 'exit code 6 when an entry does not fit or is missing']));
  command.action((options) =>
    act(command, async ({ client: connect, out }) => {
      const chain = await (await connect()).call(verifyAudit, {});
      const faults = chainFaults(chain);
      print(out, options.format, chain, () =>
        faults.length === 0
          ? `${out.paint.green('✓')} ${chain.entries} entries, unbroken; head ${chain.head ?? 'none yet'}\n  ${out.paint.dim(blindSpotOf(chain))}`
          : faults.map((fault) => `${out.paint.red('✗')} ${fault}`).join('\n'),
      );
      return faults.length === 0 ? EXIT.ok : EXIT.validation;
    }),
  );
}
