/**
 * How many statements a client has sent, by what a proxy saw of its one connection: Execute and Query of PostgreSQL's
 * protocol, https://www.postgresql.org/docs/18/protocol-message-formats.html. The first message has no type.
 */
export function statementsIn(sent: Buffer): number {
  let count = 0;
  for (let at = sent.readInt32BE(0); at < sent.length; at += 1 + sent.readInt32BE(at + 1))
    if (STATEMENTS.has(sent[at]!)) count += 1;
  return count;
}

const STATEMENTS = new Set(['E', 'Q'].map((type) => type.charCodeAt(0)));
