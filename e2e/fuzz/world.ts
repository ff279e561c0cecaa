import { InstalledProduct } from '../harness/installation.js';
import { Target, type Shop } from '../harness/target.js';
import { Contract, ROLES, type Endpoint, type Role } from './contract.js';
import type { Who } from './draft.js';
import type { Templates } from './drafts.js';
import { Knowledge } from './knowledge.js';
import type { Sent } from './wire.js';

/** Below the 100 that the API allows a key in a minute: requests are to meet the operations, not that limit. */
const CREATIONS_PER_KEY = 80;
/** Together below the limit of the first key, which makes them; enough for more creations than a minute sees. */
const KEYS_PER_ROLE = 30;
const STRANGER = 'dsops_01JD0000000000000000000001_nothing-that-was-ever-given-out';
const SERVICE = 'fuzzed';
const ENVIRONMENT = 'test';
const MAIN = 'shop_main';
/** Shops that requests may take over, remove and take over again. */
const SPARE = ['shop_one', 'shop_two'];

/** A real installation with one service on a real target, and what strangers know about it. */
export class FuzzWorld {
  readonly knowledge = new Knowledge({ service: SERVICE, environment: ENVIRONMENT });
  /** Where requests go: the installation, or what a test puts before it. */
  url: string;
  private readonly keys: Record<Role, string[]> = { viewer: [], operator: [], admin: [] };
  private creations = 0;

  private constructor(
    readonly installation: InstalledProduct,
    readonly target: Target,
    readonly contract: Contract,
    private readonly main: Shop,
    readonly templates: Templates,
  ) {
    this.url = installation.url;
  }

  static async start(): Promise<FuzzWorld> {
    const [installation, target] = await Promise.all([InstalledProduct.start(), Target.start()]);
    try {
      return await FuzzWorld.over(installation, target);
    } catch (error) {
      await Promise.all([installation.remove(), target.stop()]);
      throw error;
    }
  }

  private static async over(installation: InstalledProduct, target: Target): Promise<FuzzWorld> {
    const contract = await Contract.servedBy(installation.url);
    const main = await target.makeShop(MAIN);
    const spare: Shop[] = [];
    for (const name of SPARE) spare.push(await target.makeShop(name));
    const world = new FuzzWorld(installation, target, contract, main, templatesFor(target, main, spare));
    for (const shop of [main, ...spare]) {
      world.knowledge.guard('an admin password of the target', shop.admin.password);
      world.knowledge.guard('a password that was taken over', shop.current.password);
    }
    await world.prepare();
    return world;
  }

  /** The key with which somebody asks; one that creates takes the next of several, so that none meets its limit. */
  keyOf(who: Who, { method, status }: Endpoint): string | undefined {
    if (who === 'nobody') return undefined;
    if (who === 'stranger') return STRANGER;
    const keys = this.keys[who];
    if (method !== 'POST' || status === 200) return keys[0];
    this.creations += 1;
    return keys[this.creations % keys.length];
  }

  /** Would this take away what all other requests need? */
  isForbidden({ method, params }: Sent): boolean {
    return method === 'DELETE' && params.service === SERVICE;
  }

  /** The real service is there, with a value that its target accepts, whatever was asked for in the meantime. */
  async assertIntact(): Promise<void> {
    const place = `/environments/${ENVIRONMENT}/services/${SERVICE}`;
    const { status, body } = await this.installation.api('POST', `${place}/check-outs`, {
      body: { purpose: 'is it intact?' },
    });
    const given = body as { user: string; password: string } | undefined;
    if (status !== 201 || given === undefined)
      throw new Error(`The service gives no value any more: ${status} ${JSON.stringify(body)}`);
    if (!(await this.target.accepts({ username: given.user, password: given.password }, MAIN)))
      throw new Error('The target refuses the value that is CURRENT.');
  }

  /** Secrets that its programs have printed, by title. */
  leaksInLog(): string[] {
    return this.knowledge.leaksIn(this.installation.printed);
  }

  async stop(): Promise<void> {
    await Promise.all([this.installation.remove(), this.target.stop()]);
  }

  private async prepare(): Promise<void> {
    await this.expect('POST', '/services', this.target.requestFor(this.main, SERVICE, ENVIRONMENT));
    this.knowledge.guard('the first API key', this.installation.home.adminKey);
  }

  /** Makes as many keys as so many creations within a minute need. */
  async makeRoomFor(creations: number): Promise<void> {
    const wanted = Math.min(Math.ceil(creations / CREATIONS_PER_KEY) + 1, KEYS_PER_ROLE);
    for (const role of ROLES)
      for (const keys = this.keys[role]; keys.length < wanted;) keys.push(await this.makeKey(role));
  }

  private async makeKey(role: Role): Promise<string> {
    const { key } = (await this.expect('POST', '/api-keys', { name: `fuzzing ${role}`, role })) as { key: string };
    this.knowledge.guard(`an API key of a ${role}`, key);
    return key;
  }

  private async expect(method: string, path: string, body: unknown): Promise<unknown> {
    const reply = await this.installation.api(method, path, { body });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }
}

/** Bodies that reach real work: a stranger who reads the documentation sends such. */
function templatesFor(target: Target, main: Shop, spare: readonly Shop[]): Templates {
  const addService = [
    ...spare.map((shop) => target.requestFor(shop)),
    // A wrong password, a port where nobody listens, a host that is none.
    { ...target.requestFor(main, 'second', ENVIRONMENT), current: { ...main.current, password: 'not the password' } },
    ...spare.slice(0, 1).flatMap((shop) => [
      { ...target.requestFor(shop, 'nowhere'), target: { host: '127.0.0.1', port: 9, database: shop.database } },
      { ...target.requestFor(shop, 'unnamed'), target: { host: 'no-such-host.invalid', port: 5432, database: 'x' } },
    ]),
  ];
  return {
    addService,
    startRotation: [{}, { strategy: 'two-key' }, { onConflict: 'queue' }, { onConflict: 'replace', reason: 'fuzzing' }],
    planRotation: [{}, { strategy: 'immediate' }],
    checkOut: [{}, { ttl: '1m', purpose: 'fuzzing' }],
    rollBack: [{ reason: 'fuzzing' }, { reason: 'fuzzing', force: true }],
    resumeRotation: [{ reason: 'fuzzing' }],
  };
}
