#!/usr/bin/env node
import { processIo } from './io.js';
import { run } from './run.js';

// A reader such as `head` may leave before everything was written: that is no failure.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

// The exit code is set, not forced, so that what was written to a pipe arrives whole.
process.exitCode = await run(process.argv.slice(2), processIo());
