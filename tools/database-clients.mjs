/**
 * Makes the database client of every libs/database/<service>/schema.prisma: the folder `client` beside it, which git
 * ignores. Prisma's generator is called as a library, in this process and without a network; Prisma's command line would
 * be another 240 MB for a newcomer to download. A build comes here first, and while no schema has changed nothing is done.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { root } from './run.mjs';

/** Lies in a client's folder and says what that was made from. */
const STAMP = 'made-from.sha256';
const GENERATOR = '@prisma/client-generator-ts';

/** Where the services' folders are. */
export const DATABASE = join(root, 'libs', 'database');

/**
 * @param {string} folder where the services' folders are
 * @returns {Promise<string[]>} the services whose client was made anew
 * @throws {Error} when a schema is not in order; the message names file and line
 */
export async function makeDatabaseClients(folder = DATABASE) {
  const made = [];
  for (const service of existsSync(folder) ? readdirSync(folder) : []) {
    const schema = join(folder, service, 'schema.prisma');
    const client = join(folder, service, 'client');
    // What is left of a service that is gone would be compiled with the rest.
    if (!existsSync(schema)) rmSync(client, { recursive: true, force: true });
    else if (await makeClient(schema, client)) made.push(service);
  }
  return made;
}

/** True when it was made anew: when schema, generator or this file are others than the last time. */
async function makeClient(schema, client) {
  const text = readFileSync(schema, 'utf8');
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', GENERATOR, 'package.json'), 'utf8'));
  const stamp = createHash('sha256')
    .update(`${readFileSync(import.meta.filename)}\n${version}\n${text}`)
    .digest('hex');
  // Going to a commit that still has clients in git, and back, takes away all but the stamp.
  const isFresh = () =>
    ['client.ts', STAMP].every((file) => existsSync(join(client, file))) &&
    readFileSync(join(client, STAMP), 'utf8') === stamp;
  if (isFresh()) return false;

  // Complete before it takes the old one's place: another build may read, or make, the same client meanwhile.
  const draft = `${client}-${process.pid}`;
  try {
    await generate(relative(root, schema), text, draft);
    writeFileSync(join(draft, STAMP), stamp);
    rmSync(client, { recursive: true, force: true });
    renameSync(draft, client);
  } catch (error) {
    if (!isFresh()) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return true;
}

/** As Prisma's command line does it: what is in the schema's `generator` block goes to the generator. */
async function generate(name, schema, output) {
  // Their ES modules do not load on Node.
  const require = createRequire(import.meta.url);
  const { PrismaClientTsGenerator } = require(GENERATOR);
  const { getConfig, getDMMF } = require('@prisma/internals');
  const input = { datamodel: [[name, schema]] };
  const read = async (what) =>
    what(input).catch((error) => {
      throw new Error(`${name} is not in order.\n${reasonsOf(error)}`);
    });

  const dmmf = await read(getDMMF);
  const { generators, datasources } = await read(getConfig);
  if (generators.length === 0) throw new Error(`${name} is not in order.\nIt has no generator block.`);
  const generator = new PrismaClientTsGenerator();
  const { requiresEngineVersion } = await generator.getManifest(generators[0]);
  await generator.generate({
    generator: { ...generators[0], output: { value: output, fromEnvVar: null } },
    otherGenerators: [],
    datasources,
    dmmf,
    datamodel: schema,
    schemaPath: name,
    binaryPaths: {},
    version: requiresEngineVersion,
  });
}

/** Prisma's own words, with file and line, without what it says about itself around them. */
const reasonsOf = ({ message }) =>
  stripVTControlCharacters(message)
    .replace(/^[^]*?(?=^error: )/m, '')
    .replace(/\n+Validation Error Count[^]*$/, '');
