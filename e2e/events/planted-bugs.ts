import type { PlantedBug } from '../planted/patch.js';

const INBOX = 'libs/messaging/src/inbox';
const DAPR = 'libs/messaging/src/dapr';

export interface EventBug extends PlantedBug {
  /** Options of the run, see tools/events.mjs. */
  readonly course: readonly string[];
}

/**
 * Rules that are broken one after the other in a copy of the source: a short run on Dapr and Kafka has to count something
 * wrong (e2e/planted/events.mjs). The sweep does not help: it would mend what the first one breaks.
 */
export const PLANTED_BUGS: readonly EventBug[] = [
  {
    name: 'acknowledged before the commit',
    patches: [[`${DAPR}/dapr-transport.service.ts`, 'return await working;', "return batch.map(() => 'success');"]],
    course: ['--commands', '1500', '--kills', '2', '--victim', 'consumer', '--victim', 'database', '--replicas', '1'],
  },
  {
    name: 'published without its key',
    patches: [[`${DAPR}/bulk-publish.ts`, 'metadata: { partitionKey: key }', 'metadata: {}']],
    course: ['--commands', '500', '--kills', '0', '--replicas', '1'],
  },
  {
    name: 'the cursor moved outside the transaction of its effects',
    patches: [
      [
        `${INBOX}/batch-record.service.ts`,
        'await inbox.settle(tx, consumer, moved, this.settled);',
        'this.moveCursors = (database) => inbox.settle(database, consumer, moved, this.settled);',
      ],
      [
        `${INBOX}/batch-record.service.ts`,
        '  duplicates = 0;',
        '  duplicates = 0;\n  moveCursors?: (database: SqlExecutor) => Promise<void>;',
      ],
      [`${INBOX}/batch.service.ts`, 'private readonly record: BatchRecord;', 'readonly record: BatchRecord;'],
      [
        `${INBOX}/consumer.service.ts`,
        '(tx) => work(new Batch(tx, this.context, mode)),',
        '(tx) => work((batch = new Batch(tx, this.context, mode))),',
      ],
      [
        `${INBOX}/consumer.service.ts`,
        '        this.tell(result);',
        '        await batch?.record.moveCursors?.(this.parts.database);\n        this.tell(result);',
      ],
      [
        `${INBOX}/consumer.service.ts`,
        '      try {\n        const result',
        '      let batch: Batch | undefined;\n      try {\n        const result',
      ],
    ],
    course: ['--commands', '4000', '--kills', '6', '--victim', 'consumer', '--replicas', '1'],
  },
];
