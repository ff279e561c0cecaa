#!/usr/bin/env node
/** Compares the services that are declared with the apps that define them. They have to be built. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

const load = (...path) => import(pathToFileURL(join(root, ...path, 'dist', 'index.js')).href);

const { assertDeclared, serviceFaults } = await load('libs', 'service');
const names = readdirSync(join(root, 'apps')).filter((name) =>
  existsSync(join(root, 'apps', name, 'src', 'service.ts')),
);
const apps = new Map(await Promise.all(names.map(async (name) => [name, await load('apps', name)])));
const faults = serviceFaults(apps);
try {
  assertDeclared();
} catch (error) {
  faults.push(error.message);
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${names.length} services are what they declare.`);
