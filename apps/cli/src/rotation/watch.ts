import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { z } from 'zod';
import { rotationProgressed } from '@dsops/contracts/rotation/events';
import { formatDuration } from '@dsops/kernel';
import type { EventEnvelope } from '@dsops/contracts/envelope';
import { stepLine } from './words/rotation.js';
import type { Paint } from '../output/terminal.js';
import { readService } from '../input/place.js';
import type { Act } from '../session.js';
import { envOption, examples, formatOption, serviceOption } from '../options.js';

/** What the lines of the watch need of an event; all events on a service have it. */
const placeSchema = z.looseObject({ service: z.string(), environment: z.string() });
const endSchema = z.looseObject({
  durationMs: z.number().optional(),
  reason: z.string().optional(),
  version: z.string().nullish(),
});

/** Beginnings of types: also those that a later release adds. */
const WATCHED = ['dsops.rotation.'];

export function registerWatch(parent: CommandUnknownOpts, act: Act): void {
  const command = parent
    .command('watch')
    .description('follow all rotations live, until Ctrl-C')
    .argument('[service]', 'only this service')
    .addOption(serviceOption())
    .addOption(envOption())
    .addOption(formatOption())
    .addHelpText(
      'after',
      examples(
        ['dsops rotation watch', 'everything that happens'],
        ['dsops rotation watch payments-db --format json', 'one event per line'],
      ),
    );
  command.action((service, options) =>
    act(command, async ({ client: connect, out, err, io }) => {
      const wanted = readService(service, options);
      const client = await connect();
      const stop = new AbortController();
      const stopListening = io.onInterrupt(() => stop.abort());
      let isLost = false;
      try {
        for await (const item of client.events({ types: WATCHED, signal: stop.signal })) {
          if (item.kind === 'connected') {
            err.line(err.paint.dim(isLost ? '… connected again' : 'Watching; Ctrl-C to leave.'));
            isLost = false;
          } else if (item.kind === 'lost') {
            if (!isLost) err.line(err.paint.yellow('… the connection was lost; trying again'));
            isLost = true;
          } else if (item.kind === 'gap') {
            err.line(err.paint.yellow(`… events ${item.from} to ${item.to} are gone; see dsops rotation history`));
          } else if (concerns(item.event, wanted)) {
            if (options.format === 'table') out.line(eventLine(out.paint, item.event));
            else out.line(JSON.stringify(item.event));
          }
        }
      } finally {
        stop.abort();
        stopListening();
      }
    }),
  );
}

function concerns(
  { data }: EventEnvelope,
  wanted: { service?: string | undefined; env?: string | undefined },
): boolean {
  const place = placeSchema.safeParse(data).data;
  return (
    (wanted.service === undefined || place?.service === wanted.service) &&
    (wanted.env === undefined || place?.environment === wanted.env)
  );
}

/** `14:30:05  payments-db  ✓ probe new  accepted  12 ms` */
export function eventLine(paint: Paint, event: EventEnvelope): string {
  const place = placeSchema.safeParse(event.data).data;
  const head = `${paint.dim(new Date(event.time).toISOString().slice(11, 19))}  ${(place?.service ?? '-').padEnd(16)}`;
  const step = rotationProgressed.data.safeParse(event.data);
  if (event.type === rotationProgressed.type && step.success)
    return `${head}${stepLine(paint, { ...step.data, name: step.data.step })}`;
  const { durationMs, reason, version } = endSchema.safeParse(event.data).data ?? {};
  const words = event.type.split('.').slice(2, -1).join(' ').replaceAll('_', ' ');
  const facts = [version, durationMs === undefined ? undefined : formatDuration(durationMs), reason].filter(Boolean);
  const color = /completed|promoted|added|granted/.test(words)
    ? paint.green
    : /fail|operator|rolled back/.test(words)
      ? paint.red
      : paint.cyan;
  return `${head}  ${color(words.padEnd(22))} ${paint.dim(facts.join(', '))}`.trimEnd();
}
