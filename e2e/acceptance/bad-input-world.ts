import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { FaultProxy } from '@dsops/testing';
import type { Reply } from '../harness/installation.js';
import { InstallationUnderTest, type CliRun } from './installation-under-test.js';
import { SecretScan } from './secret-scan.js';
import type { Shop } from '../harness/target.js';
import { TargetServer } from './target-server.js';

/** What somebody is told whose request could not be granted. */
export interface Refusal {
  /** Exit code of the command line. */
  readonly exit: number;
  /** Code of the problem that the API answered; undefined when nothing was asked of it. */
  readonly code: string | undefined;
  /** What happened. */
  readonly sentence: RegExp;
  /** What to do. */
  readonly remedy: RegExp;
}

export const ENVIRONMENT = 'test';

/** An installation, a target server, and secrets that are known by name, so that they can be looked for afterwards. */
export class BadInputWorld {
  readonly secrets = new SecretScan();
  private readonly ways = new Map<string, FaultProxy>();

  private constructor(
    readonly installation: InstallationUnderTest,
    readonly target: TargetServer,
  ) {}

  static async start(): Promise<BadInputWorld> {
    const [installation, target] = await Promise.all([InstallationUnderTest.start(), TargetServer.start()]);
    const world = new BadInputWorld(installation, target);
    world.secrets.add('admin API key', installation.home.adminKey);
    return world;
  }

  /** A shop whose passwords are known to {@link secrets}, reached on a way of its own. */
  async makeShop(label: string): Promise<Shop> {
    const shop = await this.target.makeShop(label, {
      admin: this.secrets.plant(`admin password of ${label}`),
      current: this.secrets.plant(`password of ${label}`),
    });
    this.ways.set(label, await this.target.way());
    return shop;
  }

  wayOf({ database }: Shop): FaultProxy {
    return this.ways.get(database)!;
  }

  /** A file with a secret in it, apart from the installation's folder, as somebody who imports a login has one. */
  secretFile(name: string, secret: string): string {
    const file = join(this.target.folder, `${name}.secret`);
    writeFileSync(file, secret, { mode: 0o600 });
    return file;
  }

  /** Takes a shop over as the service `name`, by the API. */
  async addShop(shop: Shop, name: string = shop.database, more: Record<string, unknown> = {}): Promise<Reply> {
    return this.installation.api('POST', '/services', { body: { ...this.requestFor(shop, name), ...more } });
  }

  requestFor(shop: Shop, name: string) {
    return {
      name,
      environment: ENVIRONMENT,
      type: 'postgresql',
      target: { host: '127.0.0.1', port: this.wayOf(shop).port, database: shop.database },
      admin: { ...shop.admin },
      credential: { strategy: 'two-key', consumers: 'managed', slots: [...shop.slots], owner: shop.owner },
      current: { ...shop.current },
    };
  }

  /** The words of `dsops service import` for a shop; its passwords come from files. */
  importWords(shop: Shop, name: string): string[] {
    return [
      ...['service', 'import', name, '--env', ENVIRONMENT, '--host', '127.0.0.1', '--port', `${this.wayOf(shop).port}`],
      ...['--database', shop.database, '--admin-user', shop.admin.username, '--owner', shop.owner],
      ...['--admin-password-file', this.secretFile(`${name}-admin`, shop.admin.password)],
      ...['--password-file', this.secretFile(`${name}-current`, shop.current.password)],
      ...['--consumers', 'managed', ...shop.slots.flatMap((slot) => ['--slot', slot])],
    ];
  }

  /** Everything about a shop that a refused request must leave as it is: at the target, and with us. */
  async stateOf(shop: Shop) {
    const { text } = await this.installation.api('GET', '/services');
    const services = (JSON.parse(text) as { items: { name: string }[] }).items;
    return {
      roles: await this.target.roles(shop),
      isCurrentAccepted: await this.target.accepts(shop.current, shop.database),
      services: services.filter(({ name }) => name.startsWith(shop.database)),
    };
  }

  async close(): Promise<void> {
    await this.installation.remove();
    await this.target.stop();
  }
}

/** One sentence that says what happened, one that says what to do, and nothing else. */
export function expectRefusal({ code: exit, stdout, stderr, problem }: CliRun, expected: Refusal): void {
  const [sentence = '', ...others] = stderr.trimEnd().split('\n');
  const remedy = others.at(-1) ?? '';
  // On both sides, so that it is shown when the rest differs.
  expect({ exit, stdout, code: problem?.code, stderr }).toEqual({
    exit: expected.exit,
    stdout: '',
    code: expected.code,
    stderr,
  });
  expect(sentence.replace(/^Error: /, '')).toMatch(expected.sentence);
  expect(remedy.replace(/^→ /, '')).toMatch(expected.remedy);
  // Between the two only a list of further faults.
  expect(others.slice(0, -1).filter((line) => !line.startsWith('  • '))).toEqual([]);
  expect([sentence.slice(0, 7), remedy.slice(0, 2)]).toEqual(['Error: ', '→ ']);
}

/** The same for an answer of the API: a problem as RFC 9457 has it, with nothing in it that only its makers understand. */
export function expectProblem(
  reply: Reply,
  expected: { status: number; code: string; sentence: RegExp; remedy: RegExp },
): void {
  const { detail, remedy, ...rest } = reply.body ?? {};
  expect(rest).toMatchObject({
    status: expected.status,
    code: expected.code,
    type: `https://dsops.dev/problems/${expected.code}`,
  });
  expect(reply.status).toBe(expected.status);
  expect(detail).toMatch(expected.sentence);
  expect(remedy).toMatch(expected.remedy);
  const known = ['type', 'title', 'status', 'code', 'kind', 'errors', 'requestId', 'about'];
  expect(Object.keys(rest).filter((name) => !known.includes(name))).toEqual([]);
}
