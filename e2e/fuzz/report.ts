import type { FuzzFinding, RunResult } from './run.js';

const indent = (text: string): string => text.replaceAll(/^/gm, '      ');

/** One line for each operation: how many requests, and how they were answered. */
export function tableOf({ operations }: RunResult): string {
  const width = Math.max(...operations.map(({ operation }) => operation.length));
  const rows = operations.map(({ operation, requests, statuses, slowestMs }) => {
    const answers = Object.entries(statuses).map(([status, count]) => `${status === '0' ? 'none' : status} × ${count}`);
    return `  ${operation.padEnd(width)}  ${String(requests).padStart(6)}  ${String(slowestMs).padStart(6)} ms  ${answers.join('  ')}`;
  });
  return [`  ${'operation'.padEnd(width)}  ${'asked'.padStart(6)}  ${'slowest'.padStart(9)}  answered`, ...rows].join(
    '\n',
  );
}

const findingOf = ({ operation, fault, count, request, answer, log }: FuzzFinding): string =>
  `  ✗ ${operation}: ${fault.kind}: ${fault.text}${count > 1 ? `  (${count} times)` : ''}\n${indent([request, `→ ${answer}`, ...log].join('\n'))}`;

/** What is wrong, with a request that shows it, and how to ask the same again. */
export function findingsOf({ findings, seed, runs }: RunResult): string {
  if (findings.length === 0) return '';
  const again = [...new Set(findings.map(({ operation }) => `--operation ${operation}`))].join(' ');
  return `\n${findings.map(findingOf).join('\n\n')}\n\nAgain: pnpm test:fuzz --seed ${seed} --runs ${runs} ${again}\n`;
}

export function summaryOf({ operations, findings, seed }: RunResult): string {
  const requests = operations.reduce((sum, each) => sum + each.requests, 0);
  const verdict = findings.length === 0 ? 'every answer kept the contract' : `${findings.length} findings`;
  return `${requests} requests to ${operations.length} operations with seed ${seed}: ${verdict}.`;
}
