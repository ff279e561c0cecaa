#!/usr/bin/env node
/** Runs on any Node since 18, without an install: whoever has containers may have nothing else of this workspace. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HELP = `
Usage: node tools/compose-env.mjs [FOLDER]

Makes the file .env beside compose.yaml, with a random password or token for every variable that it demands. Only you may
read the file. A .env that exists is left as it is: the data in the volumes belongs to its passwords.

  FOLDER   where compose.yaml lies; the top of this checkout unless said

Ends with 0 when the file was made, with 1 when it could not be, and with 2 when the arguments make no sense.
`.trim();

const args = process.argv.slice(2);
if (args.some((arg) => arg === '--help' || arg === '-h')) {
  console.log(HELP);
  process.exit(0);
}
if (args.length > 1 || args[0]?.startsWith('-'))
  end(2, `It takes one folder, not "${args.join(' ')}". --help says more.`);

const folder = args[0] ?? join(dirname(fileURLToPath(import.meta.url)), '..');
const file = join(folder, '.env');
const names = demandedBy(join(folder, 'compose.yaml'));
write(names.map((name) => `${name}=${randomBytes(24).toString('hex')}\n`).join(''));
console.log(`Made ${file} with ${names.length} passwords and tokens. Keep it: the data belongs to it.`);

/** The variables without which Compose does not start: `${NAME:?why}`. */
function demandedBy(path) {
  try {
    return [...new Set([...readFileSync(path, 'utf8').matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name))];
  } catch (error) {
    return end(1, `${path} cannot be read (${error.code}). Give the folder in which it lies.`);
  }
}

/** Whole or not at all, and never over what is there. */
function write(text) {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    writeSync(descriptor, text);
    closeSync(descriptor);
  } catch (error) {
    if (error.code !== 'EEXIST') {
      rmSync(file, { force: true });
      end(1, `${file} cannot be written (${error.code}).`);
    }
    end(
      1,
      `${file} exists and was left as it is. To begin anew: docker compose down --volumes, which ends the data, then delete it.`,
    );
  }
}

function end(code, message) {
  console.error(message);
  process.exit(code);
}
