import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Reaction = (response: ServerResponse, request: IncomingMessage) => void;

export const answer =
  (body: unknown, status = 200): Reaction =>
  (response) =>
    void response
      .writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' })
      .end(JSON.stringify(body));
/** The connection breaks instead of an answer. */
export const breakOff: Reaction = (_response, request) => void request.socket.destroy();
export const standStill: Reaction = () => undefined;

/** An HTTP server that does what the test says, request by request, and keeps what it was sent. */
export class ScriptedServer {
  readonly seen: Seen[] = [];
  private readonly script: Reaction[] = [];
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      void text(request).then((body) => {
        const { method = '', url: path = '', headers } = request;
        this.seen.push({ method, path, headers, body });
        const react = this.script.shift();
        if (react === undefined) throw new Error(`Nobody expected ${method} ${path}.`);
        react(response, request);
      });
    });
  }

  static async start(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    await new Promise<void>((up) => scripted.server.listen(0, '127.0.0.1', up));
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What it does at the next requests, one after the other. */
  will(...reactions: Reaction[]): void {
    this.script.push(...reactions);
  }

  async stop(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }
}
