#!/usr/bin/env node
/** Compares a Compose file, compose.yaml unless another is given, with the schema of the Compose Specification. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { root } from './run.mjs';

const [file = join(root, 'compose.yaml')] = process.argv.slice(2);
const { $schema: _, ...schema } = JSON.parse(readFileSync(join(root, 'tools', 'compose', 'compose-spec.json'), 'utf8'));
// The schema has formats of Compose's own, and keywords that only its documentation reads.
const isSound = new Ajv({ strict: false, validateFormats: false, allErrors: true, logger: false }).compile(schema);

if (!isSound(parse(readFileSync(file, 'utf8'), { merge: true }))) {
  for (const { instancePath, message, params } of isSound.errors)
    console.error(`${instancePath || '/'} ${message} ${params.additionalProperty ?? ''}`.trimEnd());
  process.exitCode = 1;
}
