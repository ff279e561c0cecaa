import fc from 'fast-check';
import type { Endpoint } from './contract.js';
import { draftsOf } from './drafts.js';
import { Judge, type Fault } from './judge.js';
import { spoilings } from './spoil.js';
import { PLANTED } from './values.js';
import { describe, requestOf, send, type Answer, type Sent } from './wire.js';
import type { FuzzWorld } from './world.js';

export interface RunOptions {
  /** Requests for each operation. */
  readonly runs: number;
  readonly seed: number;
  /** Ids of operations; all when empty. */
  readonly operations: readonly string[];
  /** Operations that are asked at the same time. */
  readonly lanes: number;
  readonly onProgress?: (asked: number, of: number) => void;
}

/** Something wrong, told once with the smallest request that shows it. */
export interface FuzzFinding {
  readonly operation: string;
  readonly fault: Fault;
  /** How many answers showed it. */
  count: number;
  readonly request: string;
  readonly answer: string;
  /** What the installation wrote about it, for errors of its own. */
  readonly log: readonly string[];
}

export interface OperationResult {
  readonly operation: string;
  readonly requests: number;
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

export interface RunResult {
  readonly seed: number;
  readonly runs: number;
  readonly operations: readonly OperationResult[];
  readonly findings: readonly FuzzFinding[];
}

/** Requests for an operation come in so many turns, so that what one made is there for the others. */
const TURNS = 5;

/** The seed of one turn of one operation: alone or among others, it asks the same. */
const seedOf = (seed: number, id: string, turn: number): number =>
  [...`${seed} ${turn} ${id}`].reduce((hash, sign) => Math.imul(hash ^ sign.charCodeAt(0), 0x01000193) | 0, 0x811c9dc5);

/** In each turn another order: what one operation takes away, another has met before. */
const inTurn = (endpoints: readonly Endpoint[], seed: number, turn: number): Endpoint[] =>
  [...endpoints].sort((one, other) => seedOf(seed, one.id, turn) - seedOf(seed, other.id, turn));

/** Asks everything of an installation, and judges each answer. */
export async function runFuzz(world: FuzzWorld, options: RunOptions): Promise<RunResult> {
  const { runs, seed, operations: wanted, lanes } = options;
  const endpoints = world.contract.endpoints.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
  const creating = endpoints.filter(({ method, status }) => method === 'POST' && status !== 200);
  await world.makeRoomFor(creating.length * runs);
  const course = new Course(world, options.onProgress, endpoints.length * runs);
  const turns = Math.min(TURNS, runs);
  for (let turn = 0; turn < turns; turn++) {
    const share = Math.floor(runs / turns) + (turn < runs % turns ? 1 : 0);
    const waiting = inTurn(endpoints, seed, turn);
    const lane = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        await course.ask(next, share, seedOf(seed, next.id, turn));
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  }
  return { seed, runs, operations: course.results(), findings: course.findings() };
}

/** Goes through the operations, and keeps what it saw. */
class Course {
  private readonly judge: Judge;
  private readonly tallies = new Map<
    string,
    { requests: number; statuses: Record<string, number>; slowestMs: number }
  >();
  private readonly found = new Map<string, FuzzFinding>();
  private asked = 0;

  constructor(
    private readonly world: FuzzWorld,
    private readonly onProgress: RunOptions['onProgress'],
    private readonly total: number,
  ) {
    this.judge = new Judge(world.contract, world.knowledge, [world.installation.folder]);
  }

  async ask(endpoint: Endpoint, requests: number, seed: number): Promise<void> {
    const drafts = fc.sample(draftsOf(endpoint, { templates: this.world.templates, spoilings }), {
      numRuns: requests,
      seed,
    });
    for (const draft of drafts) {
      guardPasswords(draft.body, this.world);
      const sent = requestOf(draft, this.world.knowledge, (who) => this.world.keyOf(who, endpoint));
      if (this.world.isForbidden(sent)) continue;
      const answer = await send(this.world.url, sent);
      this.note(endpoint, sent, answer);
      this.onProgress?.((this.asked += 1), this.total);
    }
  }

  results(): OperationResult[] {
    return [...this.tallies].map(([operation, tally]) => ({ operation, ...tally }));
  }

  findings(): FuzzFinding[] {
    const lines = this.world.installation.printed.split('\n');
    return [...this.found.values()].map((finding) => ({ ...finding, log: logOf(finding, lines) }));
  }

  private note(endpoint: Endpoint, sent: Sent, answer: Answer): void {
    const tally = this.tallies.get(endpoint.id) ?? { requests: 0, statuses: {}, slowestMs: 0 };
    tally.requests += 1;
    tally.statuses[answer.status] = (tally.statuses[answer.status] ?? 0) + 1;
    tally.slowestMs = Math.max(tally.slowestMs, Math.round(answer.tookMs));
    this.tallies.set(endpoint.id, tally);
    for (const fault of this.judge.judge(sent, answer)) this.add(endpoint, fault, sent, answer);
    if (answer.status >= 300 || sent.method !== endpoint.method) return;
    const body = jsonOf(answer.text);
    // First judged, then known: a value may leave by the answer that gives it, and by no other one after it.
    if (endpoint.id === 'checkOut') this.world.knowledge.guard('a value that was checked out', String(body?.password));
    if (endpoint.id === 'createApiKey') this.world.knowledge.guard('an API key that was made', String(body?.key));
    this.world.knowledge.learnFrom(endpoint, body);
  }

  /** One finding for each kind and text, with the request that is least odd. */
  private add({ id }: Endpoint, fault: Fault, sent: Sent, answer: Answer): void {
    const key = `${id} ${fault.kind} ${fault.text.replaceAll(/\d+/g, '#')}`;
    const known = this.found.get(key);
    const request = describe(sent);
    const count = (known?.count ?? 0) + 1;
    const isSimpler = known === undefined || request.length < known.request.length;
    const shown = isSimpler ? { request, answer: `${answer.status} ${answer.text.slice(0, 400)}` } : known;
    this.found.set(key, { operation: id, fault, count, request: shown.request, answer: shown.answer, log: [] });
  }
}

/** The errors in the log that carry the request's id. */
function logOf({ fault, answer }: FuzzFinding, lines: readonly string[]): string[] {
  const id = /"requestId":"(\w+)"/.exec(answer)?.[1];
  if (fault.kind !== 'server error' || id === undefined) return [];
  return lines.filter((line) => line.includes(id) && line.includes('"level":"error"'));
}

function jsonOf(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Secrets that a request makes up must not come back. */
function guardPasswords(body: unknown, world: FuzzWorld): void {
  if (typeof body !== 'object' || body === null) return;
  for (const part of Object.values(body)) {
    if (typeof part === 'string' && part.startsWith(PLANTED)) world.knowledge.guard('a password that was sent', part);
    guardPasswords(part, world);
  }
}
