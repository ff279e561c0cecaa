const tag = 'events';

/**
 * The live feed as OpenAPI can tell it. It is no operation of the table, because its answer never ends and has no
 * schema of JSON: each message is one event (`data`), its type (`event`) and its place in the feed (`id`).
 */
export const eventStream = {
  path: '/events',
  tag,
  operation: {
    operationId: 'streamEvents',
    summary: 'Every event as it happens, as server-sent events',
    description: [
      'Each message carries the place in the feed as `id`, the type as `event` and the envelope (schema `Event`) as `data`.',
      'To resume, send the last `id` as `Last-Event-ID`; what came since follows first.',
      'When the feed no longer holds all of it, an `event: gap` with `data: {"from": …, "to": …}` says what is missing.',
      'Needs the role `viewer` or a higher one; events of access are for admins.',
    ].join(' '),
    tags: [tag],
    'x-service': 'gateway',
    'x-role': 'viewer',
    parameters: [
      {
        name: 'types',
        in: 'query',
        required: false,
        description: 'Only types that begin so, separated by commas, such as `dsops.rotation.`.',
        schema: { type: 'array', items: { type: 'string' } },
        style: 'form',
        explode: false,
      },
      {
        name: 'Last-Event-ID',
        in: 'header',
        required: false,
        description: 'The last place that was seen. Browsers send it by themselves when they connect again.',
        schema: { type: 'string' },
      },
    ],
  },
  responses: {
    200: { description: 'A stream that stays open', content: { 'text/event-stream': { schema: { type: 'string' } } } },
  },
} as const;
