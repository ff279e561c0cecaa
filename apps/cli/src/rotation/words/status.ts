import type { ServiceStatus } from '@dsops/contracts/rotation/api';
import { table, type Row } from '../../output/table.js';
import { consumerLines } from './consumers.js';
import type { Paint } from '../../output/terminal.js';
import { ago, timestamp, until } from '../../output/time.js';

const STATUS_WORDS: Record<ServiceStatus['status'], string> = {
  active: '✅ Active',
  rotating: '🔄 Rotating',
  failed: '❌ Failed',
  never_rotated: '⚪ Never Rotated',
  needs_operator: '🟠 Needs Operator',
};

const RESULT_WORDS: Readonly<Record<string, string>> = {
  success: '✅ Success',
  completed: '✅ Success',
  failed: '❌ Failed',
  rollback_failed: '❌ Rollback Failed',
  partial: '🟡 Partial',
  rolled_back: '↩️ Rolled Back',
  needs_operator: '🟠 Needs Operator',
};

const HEADER = ['SERVICE', 'STATUS', 'LAST ROTATION', 'NEXT ROTATION', 'RESULT'];

/** A stable order, whatever the server's is: by environment, then by name. */
export const inOrder = (items: readonly ServiceStatus[]): ServiceStatus[] =>
  [...items].sort((a, b) => compare(a.environment, b.environment) || compare(a.service_name, b.service_name));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function statusTable(
  paint: Paint,
  items: readonly ServiceStatus[],
  { now, isVerbose }: { now: Date; isVerbose: boolean },
): string {
  const hasOneEnvironment = new Set(items.map((item) => item.environment)).size <= 1;
  const rows = inOrder(items).map((item): Row => {
    const name = hasOneEnvironment ? item.service_name : `${item.environment}/${item.service_name}`;
    return {
      cells: [
        name,
        STATUS_WORDS[item.status],
        ago(item.last_rotation, now),
        until(item.next_rotation, now),
        item.last_result === null ? '-' : (RESULT_WORDS[item.last_result] ?? item.last_result),
      ],
      below: details(paint, item, isVerbose),
    };
  });
  return table(paint, HEADER, rows);
}

/** What a person needs to know when something is wrong: the error, and which value the target accepts. */
function details(paint: Paint, item: ServiceStatus, isVerbose: boolean): string[] {
  const isTrouble = item.status === 'failed' || item.status === 'needs_operator';
  const lines: string[] = [];
  if (item.last_error !== null && (isVerbose || isTrouble)) lines.push(`${paint.red('Error:')} ${item.last_error}`);
  if (isVerbose || isTrouble) lines.push(...acceptance(item));
  const { waits_for: waits } = item;
  const isHeld = waits?.consumers != null;
  if (waits && (isVerbose || isHeld))
    lines.push(`${waits.reason.replace(/\.$/, '')}, until ${timestamp(waits.until)} UTC`);
  if (waits?.consumers) lines.push(...consumerLines(paint, waits.consumers).map((line) => line.trimStart()));
  if (isVerbose)
    lines.push(`Rotations: ${item.rotation_count} (${item.success_count} ok, ${item.failure_count} failed)`);
  return lines.map((line) => `  └─ ${line}`);
}

function acceptance({ target, current_version: current }: ServiceStatus): string[] {
  const answers = Object.entries(target).map(
    ([version, verdict]) => `${version}${version === current ? ' (current)' : ''} ${verdict}`,
  );
  if (answers.length === 0) return current === null ? [] : [`Current: ${current} (not probed yet)`];
  return [`Target: ${answers.join(', ')}`];
}

/**
 * The JSON of `status`: an object with the services' names as keys. A name that occurs in more than one environment
 * gets its environment before it.
 */
export function statusJson(items: readonly ServiceStatus[]): Record<string, ServiceStatus> {
  const count = new Map<string, number>();
  for (const item of items) count.set(item.service_name, (count.get(item.service_name) ?? 0) + 1);
  return Object.fromEntries(
    inOrder(items).map((item) => [
      count.get(item.service_name) === 1 ? item.service_name : `${item.environment}/${item.service_name}`,
      item,
    ]),
  );
}
