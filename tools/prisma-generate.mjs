/**
 * Generates the database client of each service from libs/database/<service>/schema.prisma. The clients are committed,
 * so that nobody who only runs dsops needs Prisma's command line; it is fetched here on demand.
 *
 *   node tools/prisma-generate.mjs [service …]
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PRISMA = '7.10.1';
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const services =
  process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['rotation', 'audit', 'notification', 'gateway'];

for (const service of services) {
  const folder = join(root, 'libs', 'database', service);
  const schema = join(folder, 'schema.prisma');
  if (!existsSync(schema) || !readFileSync(schema, 'utf8').includes('model ')) continue;
  rmSync(join(folder, 'client'), { recursive: true, force: true });
  execFileSync('npx', ['-y', `--package=prisma@${PRISMA}`, 'prisma', 'generate', `--schema=${schema}`, '--no-hints'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
    // Generating needs no engine, but Prisma looks for one: any file will do.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
  });
  console.log(`generated ${service}`);
}
