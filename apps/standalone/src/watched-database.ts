import type { PostgresServer } from '@dsops/database';
import { DomainError } from '@dsops/kernel';
import type { HomePaths } from '@dsops/kernel/home';
import type { Dependency } from '@dsops/platform';

/** Somebody has to stop the database when this process vanishes: the supervisor, which can be killed by itself. */
export const watchedDatabase = (server: PostgresServer, home: HomePaths): Dependency => ({
  name: 'supervisor',
  async check() {
    if (server.isWatched()) return;
    throw new DomainError(
      'postgres_unwatched',
      'unavailable',
      `The process that watches over PostgreSQL (process ${server.pid}) was killed: if dsops vanished now, the server would run on.`,
      { remedy: `Stop the dsops on ${home.folder} and start it again, at a moment of your choice: nothing is lost.` },
    );
  },
});
