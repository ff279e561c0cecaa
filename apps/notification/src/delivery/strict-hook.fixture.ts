import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { unwrapSecret, type Secret } from '@dsops/kernel';
import { defineOutside, type Attempt, type Sent } from '../channels/channel.js';
import { secretText } from '../channels/settings.js';

/** How the hook answers one call. */
export interface Answer {
  readonly status: number;
  readonly retryAfterSeconds?: number;
  /** It says nothing until the caller is gone. */
  readonly hangs?: boolean;
}

const callSchema = z.strictObject({ room: z.string(), text: z.string().max(200), key: z.string(), attempt: z.int() });
export type Call = z.infer<typeof callSchema>;

/**
 * A chat that is told by a webhook: the address holds the secret, a message has 200 characters at most, and calls that do
 * not fit are refused. It answers 200 unless the test says otherwise.
 */
export class StrictHook {
  readonly calls: Call[] = [];
  /** How many calls of a room were open at the same time, at most. */
  readonly mostOpen = new Map<string, number>();
  private readonly open = new Map<string, number>();
  private readonly answers = new Map<string, Answer[]>();
  private readonly server: Server;

  constructor(private readonly token: string) {
    this.server = createServer((request, response) => void this.take(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${this.token}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  /** What it answers to the next calls for this room, in this order. */
  answer(room: string, ...answers: Answer[]): void {
    this.answers.set(room, answers);
  }

  textsIn(room: string): string[] {
    return this.calls.filter((call) => call.room === room).map((call) => call.text);
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const answer = (status: number, headers = {}) => response.writeHead(status, headers).end();
    if (request.method !== 'POST' || request.url !== `/${this.token}`) return answer(404);
    const call = callSchema.safeParse(JSON.parse(await text(request)));
    if (!call.success) return answer(400);
    const { room } = call.data;
    this.calls.push(call.data);
    this.open.set(room, (this.open.get(room) ?? 0) + 1);
    this.mostOpen.set(room, Math.max(this.mostOpen.get(room) ?? 0, this.open.get(room)!));
    response.once('close', () => this.open.set(room, this.open.get(room)! - 1));
    const { status, retryAfterSeconds, hangs } = this.answers.get(room)?.shift() ?? { status: 200 };
    return hangs || answer(status, retryAfterSeconds === undefined ? {} : { 'retry-after': retryAfterSeconds });
  }
}

interface HookSettings {
  readonly url: Secret;
  readonly room: string;
}

async function post({ url, room }: HookSettings, message: string, { key, number, signal }: Attempt): Promise<Sent> {
  const body = JSON.stringify({ room, text: message, key, attempt: number } satisfies Call);
  const response = await fetch(unwrapSecret(url), { method: 'POST', body, signal, redirect: 'error' });
  const { status } = response;
  if (status === 200) return { kind: 'delivered' };
  const reason = `The hook answered ${status}.`;
  if (status === 429) {
    const retryAfter = response.headers.get('retry-after');
    return { kind: 'limited', reason, retryAfterMs: retryAfter === null ? null : Number(retryAfter) * 1_000 };
  }
  return { kind: status < 500 ? 'refused' : 'failed', reason };
}

/** A channel as one would be written for that chat. It exists in specs only. */
export const hook = defineOutside({
  name: 'hook',
  settings: z.strictObject({ url: secretText(), room: z.string() }),
  limits: { timeoutMs: 400, betweenMs: 0, retries: 'brief' },
  render: ({ words }) => words.title.slice(0, 200),
  send: (message: string, settings, attempt) => post(settings, message, attempt),
  test: (settings, attempt) => post(settings, 'A test from dsops', attempt),
});
