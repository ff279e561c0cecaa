import type { Endpoint } from './contract.js';

/** What kinds of things earlier answers give, so that later requests can name something that is there. */
export type Kind =
  | 'service'
  | 'environment'
  | 'rotation'
  | 'check-out'
  | 'api-key'
  | 'notification'
  | 'dead-letter'
  | 'version'
  | 'digest'
  | 'cursor'
  | 'entity';

/** How many of a kind are kept: the newest are the interesting ones. */
const KEPT = 40;

/** What a field of a request asks for, by its name. */
const KIND_OF_FIELD: Readonly<Record<string, Kind>> = {
  service: 'service',
  environment: 'environment',
  rotationId: 'rotation',
  checkOutId: 'check-out',
  keyId: 'api-key',
  notificationId: 'notification',
  letterId: 'dead-letter',
  version: 'version',
  plan: 'digest',
  cursor: 'cursor',
  entityId: 'entity',
  entity: 'entity',
  actor: 'entity',
};

export const kindOf = (field: string): Kind | undefined => KIND_OF_FIELD[field];

/** Where in an answer such things stand; a part of the answer's body, each element of `items` on its own. */
const GIVERS: Readonly<Record<string, (item: Record<string, unknown>) => Partial<Record<Kind, unknown>>>> = {
  listServices: fromService,
  addService: fromService,
  getService: fromService,
  startRotation: fromRotation,
  rollBack: fromRotation,
  listRotations: fromRotation,
  planRotation: ({ digest }) => ({ digest }),
  checkOut: ({ id, version }) => ({ 'check-out': id, version }),
  createApiKey: ({ id }) => ({ 'api-key': id }),
  listNotifications: ({ id }) => ({ notification: id }),
  listAudit: ({ eventId }) => ({ entity: eventId }),
  listDeadLetters: ({ id }) => ({ 'dead-letter': id }),
};

function fromService({ name, environment, id, versions }: Record<string, unknown>): Partial<Record<Kind, unknown>> {
  const [version] = Array.isArray(versions) ? (versions as { name: unknown }[]) : [];
  return { service: name, environment, entity: id, version: version?.name };
}

function fromRotation({ id, newVersion }: Record<string, unknown>): Partial<Record<Kind, unknown>> {
  return { rotation: id, entity: id, version: newVersion };
}

/** Names and ids that the installation itself has told us, and the secrets that it must not tell. */
export class Knowledge {
  private readonly things = new Map<Kind, string[]>();
  private readonly secrets = new Map<string, string>();

  /** @param firm what is there from the beginning and stays; it is picked half of the time */
  constructor(private readonly firm: Partial<Record<Kind, string>> = {}) {}

  /** Learns from an answer that says yes. */
  learnFrom({ id }: Endpoint, body: unknown): void {
    const give = GIVERS[id];
    if (give === undefined || typeof body !== 'object' || body === null) return;
    const { items, next } = body as { items?: unknown; next?: unknown };
    for (const item of Array.isArray(items) ? (items as Record<string, unknown>[]) : [body as Record<string, unknown>])
      for (const [kind, value] of Object.entries(give(item))) this.learn(kind as Kind, value);
    this.learn('cursor', next);
  }

  learn(kind: Kind, value: unknown): void {
    if (typeof value !== 'string') return;
    const known = this.things.get(kind) ?? [];
    if (!known.includes(value)) this.things.set(kind, [value, ...known].slice(0, KEPT));
  }

  /** One that is there, undefined when none is known. */
  pick(kind: Kind, choice: number): string | undefined {
    const firm = this.firm[kind];
    if (firm !== undefined && choice % 2 === 0) return firm;
    const known = this.things.get(kind) ?? [];
    return known[Math.floor(choice / 2) % known.length] ?? firm;
  }

  /** From now on no answer may hold this value. Short ones are not watched: they occur by chance. */
  guard(title: string, value: string): void {
    if (value.length >= 12) this.secrets.set(value, title);
  }

  /** The secrets that stand in a text, by title. */
  leaksIn(text: string): string[] {
    return [...this.secrets].flatMap(([value, title]) =>
      text.includes(value) || text.includes(JSON.stringify(value).slice(1, -1)) ? [title] : [],
    );
  }
}
