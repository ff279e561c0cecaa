import { ClientSession } from './client-session.js';
import type { FromClient, ToClient } from './protocol.js';

/** The applications of all cells, in a process that is never killed. */

const say = (message: FromClient): void => void process.send?.(message);
const sessions = new Map<string, ClientSession>();

async function obey(message: ToClient): Promise<void> {
  const { cell } = message;
  switch (message.do) {
    case 'begin': {
      const { service, target, isInPlace, survivor } = message;
      const session = new ClientSession({ environment: 'production', service, target, isInPlace, survivor });
      sessions.set(cell, session);
      session.start();
      return say({ is: 'working', cell });
    }
    case 'turn-to':
      return sessions.get(cell)?.turnTo(message.url);
    case 'end': {
      const session = sessions.get(cell);
      sessions.delete(cell);
      if (session) say({ is: 'ended', cell, report: await session.end() });
    }
  }
}

process.on('message', (message: ToClient) => {
  obey(message).catch((error: unknown) =>
    say({ is: 'broken', message: error instanceof Error ? (error.stack ?? error.message) : 'unknown' }),
  );
});
process.on('disconnect', () => process.exit(1));
say({ is: 'warm' });
