import type { verifyAudit } from '@dsops/contracts/audit/api';
import type { ResponseOf } from '@dsops/contracts/define-operation';

type ChainReport = ResponseOf<typeof verifyAudit>;

/** What is wrong with the audit log, each in a sentence; empty when nothing that can be seen is. */
export function chainFaults(chain: ChainReport): string[] {
  const { entries, firstBroken, keptPosition, missing, isRewritten, beyond } = chain;
  const faults: string[] = [];
  if (firstBroken !== null)
    faults.push(
      firstBroken > entries
        ? `Entry ${firstBroken} is missing: the log says that it goes on behind its ${entries} entries`
        : `Entry ${firstBroken} of ${entries} does not fit: it or one before it was changed`,
    );
  if (missing > 0)
    faults.push(
      `${amountOf(missing)} missing at the end: the log had come to entry ${keptPosition}, by the head that is kept outside the database`,
    );
  if (isRewritten)
    faults.push(`Entry ${keptPosition} is another one than it was: the chain was computed anew, past dsops`);
  if (beyond > 0)
    faults.push(`${beyond === 1 ? '1 row stands' : `${beyond} rows stand`} behind the end of the log: not by dsops`);
  return faults;
}

const amountOf = (entries: number): string => (entries === 1 ? '1 entry is' : `${entries} entries are`);

/** What no verification sees, said with each good one. */
export const blindSpotOf = ({ keptPosition }: ChainReport): string =>
  keptPosition === null
    ? 'No head is kept outside the database: entries cut off the end would not be seen.'
    : 'Not seen: what somebody changes who can write both the database and the head that is kept outside it.';
