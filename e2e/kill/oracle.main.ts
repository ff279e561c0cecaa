import { CellWatch } from './cell-watch.js';
import type { FromOracle, ToOracle } from './protocol.js';

/** The oracle: a process of its own that sees databases and files, and no process of the product. */

const say = (message: FromOracle): void => void process.send?.(message);
const watches = new Map<string, CellWatch>();

function watchOf(cell: string): CellWatch {
  const watch = watches.get(cell);
  if (watch === undefined) throw new Error(`Nobody watches ${cell}.`);
  return watch;
}

async function obey(message: ToOracle): Promise<void> {
  const { cell } = message;
  switch (message.do) {
    case 'watch': {
      const watch = new CellWatch(message.options);
      let isSettled = false;
      watch.onRecords = ({ rotation, atMs }) => {
        if (isSettled || rotation?.isSettled !== true) return;
        isSettled = true;
        say({ is: 'settled', cell, atMs });
      };
      watches.set(cell, watch);
      watch.start();
      return say({ is: 'watching', cell });
    }
    case 'look':
      await watchOf(cell).lookClosely();
      return say({ is: 'looked', cell });
    case 'conclude': {
      const verdict = await watchOf(cell).conclude(message.expected);
      watches.delete(cell);
      return say({ is: 'concluded', cell, verdict });
    }
  }
}

process.on('message', (message: ToOracle) => {
  obey(message).catch((error: unknown) =>
    say({ is: 'broken', message: error instanceof Error ? (error.stack ?? error.message) : 'unknown' }),
  );
});
process.on('disconnect', () => process.exit(1));
say({ is: 'warm' });
