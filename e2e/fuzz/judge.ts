import { ROLES, type Contract, type Endpoint, type Field } from './contract.js';
import type { Who } from './draft.js';
import type { Knowledge } from './knowledge.js';
import { isRouted, LIMIT_MS, type Answer, type Sent } from './wire.js';

/** What is wrong with an answer. Faults of the same kind and text are one finding. */
export interface Fault {
  readonly kind:
    | 'no answer'
    | 'slow'
    | 'server error'
    | 'status'
    | 'body'
    | 'problem'
    | 'rights'
    | 'accepted'
    | 'refused'
    | 'leak'
    | 'internals';
  readonly text: string;
}

/**
 * What may be unavailable while everything of ours is up: a target that does not answer, and with one slot a value in the
 * moment of its replacement.
 */
const UNAVAILABLE: Readonly<Record<string, readonly string[]>> = {
  addService: ['current_unproven', 'target_unreachable'],
  planRotation: ['target_unreachable'],
  startRotation: ['target_unreachable'],
  checkOut: ['value_ending'],
};
/** By which a secret may leave: as docs/generated/api.md says, a check-out and a new key. */
const WAYS_OUT: Readonly<Record<string, string>> = { checkOut: 'password', createApiKey: 'key' };
const INTERNALS = /\n\s+at .+:\d+:\d+|node_modules|node:internal|\/dist\/|PrismaClient|Invalid `|SQLSTATE|invocation:/;
/** Answers that HTTP itself gives to what never became a request. */
const NOT_HTTP = new Set([400, 408, 413, 414, 431]);

/** Compares answers with what the contract says about them. */
export class Judge {
  constructor(
    private readonly contract: Contract,
    private readonly knowledge: Knowledge,
    /** Folders of this installation, which no answer may name. */
    private readonly folders: readonly string[] = [],
  ) {}

  judge(sent: Sent, answer: Answer): Fault[] {
    if (answer.status === 0) return isCutOff(sent) ? [] : [{ kind: 'no answer', text: answer.text }];
    const faults = answer.status < 400 ? this.judgeYes(sent, answer) : this.judgeNo(sent, answer);
    if (answer.tookMs > LIMIT_MS) faults.push({ kind: 'slow', text: `it took more than ${LIMIT_MS} ms` });
    return [...faults, ...this.judgeText(sent, answer)];
  }

  private judgeYes(sent: Sent, answer: Answer): Fault[] {
    const { draft } = sent;
    const { endpoint } = draft;
    if (!isRouted(sent)) return this.judgeOdd(sent, answer);
    const faults: Fault[] = [];
    if (answer.status !== endpoint.status)
      faults.push({ kind: 'status', text: `${answer.status} instead of ${endpoint.status}` });
    if (mediaTypeOf(answer) !== endpoint.mediaType)
      faults.push({ kind: 'body', text: `declared as ${mediaTypeOf(answer)}` });
    else if (endpoint.mediaType === 'text/event-stream') faults.push(...this.judgeStream(answer));
    else faults.push(...faultOf('body', judgeJson(answer.text, this.contract.answerOf(endpoint))));
    if (!isAllowed(sent)) faults.push({ kind: 'rights', text: `${draft.who} was let in` });
    const wrong = this.faultIn(sent);
    if (wrong !== undefined) faults.push({ kind: 'accepted', text: `it was accepted although ${wrong}` });
    return faults;
  }

  private judgeNo(sent: Sent, answer: Answer): Fault[] {
    const { draft } = sent;
    const { status, text, headers } = answer;
    if (sent.method === 'HEAD') return status >= 500 ? [{ kind: 'server error', text: String(status) }] : [];
    if (text === '' && headers.connection === 'close' && NOT_HTTP.has(status)) return [];
    const faults = faultOf('problem', judgeJson(text, this.contract.problem));
    if (mediaTypeOf(answer) !== 'application/problem+json')
      faults.push({ kind: 'problem', text: `declared as ${mediaTypeOf(answer)}` });
    const problem = asObject(text);
    const code = String(problem.code);
    faults.push(...judgeProblem(answer, problem));
    if (status >= 500 && !(status === 503 && UNAVAILABLE[draft.endpoint.id]?.includes(code)))
      faults.push({ kind: 'server error', text: `${status} ${code}: ${String(problem.detail)}` });
    if (draft.spoiled.length > 0 || status === 429 || status >= 500) return faults;
    const expected = expectedRefusal(sent);
    if (expected !== undefined && status !== expected)
      faults.push({ kind: 'rights', text: `${status} ${code} for ${draft.who}, not ${expected}` });
    if (expected === undefined && (status === 401 || code === 'role_missing'))
      faults.push({ kind: 'rights', text: `${status} ${code} for ${draft.who}, who may` });
    // Bodies and the feed's types have rules that no schema can say; other queries and paths have none.
    if (
      expected === undefined &&
      status === 400 &&
      code !== 'cursor_invalid' &&
      draft.endpoint.body === undefined &&
      draft.endpoint.id !== 'streamEvents'
    )
      faults.push({ kind: 'refused', text: `the document allows it: ${String(problem.detail)}` });
    return faults;
  }

  /** Another method or path than the document has: only HEAD, and a path that means the same, may be answered. */
  private judgeOdd({ method, draft }: Sent, { status, text }: Answer): Fault[] {
    if (method === 'HEAD') return text === '' ? [] : [{ kind: 'body', text: 'HEAD was answered with a body' }];
    if (method === draft.endpoint.method) return []; // `#x` and the like never reach the server
    const isThere = this.contract.endpoints.some((one) => one.path === draft.endpoint.path && one.method === method);
    return isThere ? [] : [{ kind: 'status', text: `${status} to ${method}, which the document does not have` }];
  }

  private judgeStream({ text }: Answer): Fault[] {
    // The last message may have been cut off.
    const messages = text.split('\n\n').slice(0, -1);
    return messages.flatMap((message) => {
      const lines = message.split('\n');
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field('data');
      if (data === undefined || field('event') === 'gap') return [];
      return faultOf('body', judgeJson(data, this.contract.event));
    });
  }

  private judgeText({ draft, method }: Sent, { text, headers, status }: Answer): Fault[] {
    const wayOut = status < 400 && method === draft.endpoint.method ? WAYS_OUT[draft.endpoint.id] : undefined;
    const { [wayOut ?? '']: _left, ...rest } = wayOut === undefined ? {} : asObject(text);
    const visible = wayOut === undefined ? text : JSON.stringify(rest);
    const all = `${visible}\n${Object.entries(headers)
      .map(([name, value]) => `${name}: ${String(value)}`)
      .join('\n')}`;
    const faults: Fault[] = this.knowledge
      .leaksIn(all)
      .map((title) => ({ kind: 'leak', text: `${title} stands in it` }));
    const internal = INTERNALS.exec(visible)?.[0] ?? this.folders.find((folder) => visible.includes(folder));
    if (internal !== undefined) faults.push({ kind: 'internals', text: `it shows ${JSON.stringify(internal.trim())}` });
    return faults;
  }

  /** What the document forbids in a request that says yes, undefined when it is as it should be. */
  private faultIn(sent: Sent): string | undefined {
    const { endpoint } = sent.draft;
    for (const field of endpoint.params) {
      const wrong = this.contract.check(field.schema)(sent.params[field.name]);
      if (wrong !== undefined) return `path.${field.name}: ${wrong}`;
    }
    for (const [name, value] of sent.query) {
      const field = endpoint.query.find((one) => one.name === name);
      const wrong = field && this.wrongInQuery(field, value);
      if (wrong !== undefined) return `query.${name}: ${wrong}`;
    }
    return endpoint.body === undefined ? undefined : this.wrongInBody(endpoint, sent.body);
  }

  private wrongInQuery({ schema }: Field, text: string): string | undefined {
    if (schema.type === 'array') return undefined;
    // Whatever JavaScript reads as a number is one: 0x10 is 16.
    const value = schema.type === 'integer' && text.trim() !== '' ? Number(text) : text;
    return this.contract.check(schema)(value);
  }

  private wrongInBody({ body: schema }: Endpoint, body: string | undefined): string | undefined {
    // Nothing counts as an empty object, which no schema with required fields allows.
    return judgeJson(body === undefined || body === '' ? '{}' : body, this.contract.check(schema ?? {}));
  }
}

/** HTTP refuses such a head with 431 and closes; who still sends its body then may not get to read that. */
const LONGEST_HEAD = 16 * 1024;
const isCutOff = ({ target, headers, body }: Sent): boolean =>
  body !== undefined && target.length + headers.flat().join('').length > LONGEST_HEAD;

const faultOf = (kind: Fault['kind'], text: string | undefined): Fault[] =>
  text === undefined ? [] : [{ kind, text }];

function judgeJson(text: string, check: (value: unknown) => string | undefined): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, '')); // readers may pass over it: RFC 8259, section 8.1
  } catch {
    return 'it is no JSON';
  }
  return check(value);
}

const mediaTypeOf = ({ headers }: Answer): string => (headers['content-type'] ?? 'nothing').split(';')[0]!.trim();

function asObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What the document says in words: the parts of a problem agree, and it says what happened and what to do. */
function judgeProblem({ status, headers }: Answer, problem: Record<string, unknown>): Fault[] {
  const { code, type, title, detail, remedy, requestId } = problem;
  const expectations: [boolean, string][] = [
    [problem.status === status, `the body says ${String(problem.status)}, the answer ${status}`],
    [type === `https://dsops.dev/problems/${String(code)}`, `its type is ${String(type)}`],
    [title === String(code).replaceAll('_', ' '), `its title is ${String(title)}`],
    [typeof detail === 'string' && detail.trim() !== '', `${String(code)} does not say what happened`],
    [typeof remedy === 'string' && remedy.trim() !== '', `${String(code)} does not say what to do`],
    [requestId === undefined || headers['dsops-request-id'] === requestId, 'it names another request id'],
  ];
  return expectations.flatMap(([holds, text]) => (holds ? [] : [{ kind: 'problem' as const, text }]));
}

const levelOf = (who: Who): number => (ROLES as readonly Who[]).indexOf(who);

function isAllowed({ draft }: Sent): boolean {
  // Whoever sends a header of their own makes up their own rights; what comes of it is judged by the answer alone.
  if (draft.headers.some(([name]) => name === 'authorization')) return true;
  return levelOf(draft.who) >= levelOf(draft.endpoint.role);
}

/** The status with which somebody without the right must be refused, undefined for who has it. */
function expectedRefusal({ draft }: Sent): number | undefined {
  if (draft.who === 'nobody' || draft.who === 'stranger') return 401;
  return levelOf(draft.who) >= levelOf(draft.endpoint.role) ? undefined : 403;
}
