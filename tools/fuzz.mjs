#!/usr/bin/env node
/** Builds, and starts the fuzzing of the API in e2e/fuzz. */
import { join } from 'node:path';
import { build } from './build.mjs';
import { helpOnRequest, root, runNode } from './run.mjs';

helpOnRequest(`
Usage: pnpm test:fuzz [--runs N] [--seed N] [--operation ID]... [--lanes N] [--json]

Starts an installation as people do, with a service on a real PostgreSQL, reads its OpenAPI document as a stranger would,
and asks for every operation in it: as the document allows it, with names and ids that earlier answers gave, and with
something wrong (missing, unknown and foreign fields, other types, huge and odd values, broken JSON, other content types,
methods, paths, queries and headers, keys of others or none).

Each answer must be one that the document describes: no error of ours, no place in the code, no secret, nothing to whom
may not have it, nothing accepted that is forbidden, none later than 10 s. In the end the service's value still works.

  --runs N          requests for each operation (100)
  --seed N          other requests (1); the same seed asks the same
  --operation ID    only this operation, such as startRotation; may be repeated
  --lanes N         operations at the same time (4)
  --json            the results as JSON on standard output

Ends with 0 when every answer kept the contract, else with 1.
`);

await build('.', 'e2e');
process.exit(await runNode(join(root, 'e2e', 'dist', 'fuzz', 'main.js'), process.argv.slice(2)));
