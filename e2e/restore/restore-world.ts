import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { eventually } from '@dsops/testing';
import { InstalledProduct } from '../harness/installation.js';
import { Target, type Login, type RoleStates, type Shop } from '../harness/target.js';

/** For a machine that is busy with something else; no test measures time. */
const PATIENCE_MS = 60_000;
export const ENVIRONMENT = 'production';

export interface Status {
  readonly status: string;
  readonly current_version: string;
  readonly last_error: string | null;
  /** What the target answers to each version. */
  readonly target: Readonly<Record<string, string>>;
}

interface RotationAnswer {
  readonly id: string;
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string | null } | null;
}

/** An installation with services on a real target, seen as the people who run it see it. */
export class RestoreWorld {
  readonly shops = new Map<string, Shop>();

  private constructor(
    readonly installation: InstalledProduct,
    readonly target: Target,
  ) {}

  static async start(): Promise<RestoreWorld> {
    const [installation, target] = await Promise.all([InstalledProduct.start(), Target.start()]);
    return new RestoreWorld(installation, target);
  }

  async addService(name: string, gracePeriod = '0s'): Promise<void> {
    const shop = await this.target.makeShop(name);
    this.shops.set(name, shop);
    const request = this.target.requestFor(shop, name, ENVIRONMENT);
    await this.expect(this.installation, 'POST', '/services', {
      ...request,
      credential: { ...request.credential, gracePeriod },
    });
  }

  /** Starts a rotation and waits until it is in one of these states. */
  async rotate(
    name: string,
    options: { in?: InstalledProduct; until?: readonly string[] } = {},
  ): Promise<RotationAnswer> {
    const { in: installation = this.installation, until = ['completed'] } = options;
    const started = await this.expect<RotationAnswer>(installation, 'POST', `${placeOf(name)}/rotations`, {});
    return this.settled(started.id, until, installation);
  }

  async settled(id: string, until: readonly string[], installation = this.installation): Promise<RotationAnswer> {
    return eventually(async () => {
      const rotation = await this.expect<RotationAnswer>(installation, 'GET', `/rotations/${id}`);
      expect({ ...rotation.error, state: until.includes(rotation.state) ? 'as wanted' : rotation.state }).toMatchObject(
        { state: 'as wanted' },
      );
      return rotation;
    }, PATIENCE_MS);
  }

  /** The value that is given out, as an application gets it. */
  async valueOf(name: string, installation = this.installation): Promise<Login> {
    const { user, password } = await this.expect<{ user: string; password: string }>(
      installation,
      'POST',
      `${placeOf(name)}/check-outs`,
      { ttl: '1s' },
    );
    return { username: user, password };
  }

  async statusOf(name: string, installation = this.installation): Promise<Status> {
    const { items } = await this.expect<{ items: Status[] }>(
      installation,
      'GET',
      `/status?environment=${ENVIRONMENT}&service=${name}`,
    );
    return items[0]!;
  }

  /** Does the target let an application in with this value? */
  accepts(name: string, login: Login): Promise<boolean> {
    return this.target.accepts(login, name);
  }

  /** Everything about the roles of all services that somebody could have changed, verifiers included. */
  roles(): Promise<RoleStates> {
    return this.target.roles();
  }

  /** Copies the data of the stopped installation to a place beside it. */
  backUp(): string {
    const to = join(this.installation.folder, 'backup');
    this.installation.home.copyData(to);
    return to;
  }

  /** Puts a copy in the place of the data; key and mark stay, as they lie elsewhere in a good backup. */
  putBack(copy: string): void {
    const { dataFolder } = this.installation.home;
    rmSync(dataFolder, { recursive: true });
    renameSync(copy, dataFolder);
  }

  async expect<Body = unknown>(
    installation: InstalledProduct,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Body> {
    const reply = await installation.api(method, path, { body });
    expect({ path, ...(reply.status < 300 ? {} : reply) }).toEqual({ path });
    return reply.body as Body;
  }

  async stop(): Promise<void> {
    await Promise.all([this.installation.remove(), this.target.stop()]);
  }
}

export const placeOf = (name: string): string => `/environments/${ENVIRONMENT}/services/${name}`;
export { eventually, PATIENCE_MS };
