import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GO, JAVA, MAVEN, require } from './requirements.js';

describe('what the machine has to bring', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dsops-path-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A program that answers as the real one does when it is asked for its version. */
  function program(answer: string): string {
    const file = join(folder, 'program');
    writeFileSync(file, `#!/bin/sh\ncat >&2 <<'END'\n${answer}\nEND\n`);
    chmodSync(file, 0o755);
    return file;
  }

  it.each([
    [GO, 'Go', 'go.dev/dl'],
    [JAVA, 'Java', 'adoptium.net'],
    [MAVEN, 'Maven', 'apt-get install maven'],
  ])('names what is missing and how to get it: $name', async (requirement, name, where) => {
    await expect(require({ ...requirement, command: join(folder, 'nothing') })).rejects.toMatchObject({
      code: 'tool_missing',
      message: expect.stringContaining(`${name} is not on this machine`),
      details: { remedy: expect.stringContaining(where) },
    });
  });

  it.each([
    [JAVA, 'openjdk version "11.0.22" 2024-01-16', 'Java on this machine is 11.0; Java 17 or newer is needed'],
    [JAVA, 'java version "1.8.0_392"', 'Java on this machine is 1.8; Java 17 or newer is needed'],
    [GO, 'go version go1.19.8 linux/amd64', 'Go on this machine is 1.19; Go 1.21 or newer is needed'],
    [MAVEN, '\u001b[1mApache Maven 3.3.9\u001b[m', 'Maven on this machine is 3.3; Maven 3.6 or newer is needed'],
  ])('says when it is too old: %s', async (requirement, answer, message) => {
    await expect(require({ ...requirement, command: program(answer) })).rejects.toMatchObject({
      code: 'tool_too_old',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    [JAVA, 'openjdk version "17.0.15" 2025-04-15'],
    [JAVA, 'openjdk version "21" 2023-09-19'],
    [GO, 'go version go1.26.8 darwin/arm64'],
    [GO, 'go version devel go1.27-abc linux/amd64'],
    [MAVEN, 'Apache Maven 4.0.0'],
  ])('takes what is new enough: %s', async (requirement, answer) => {
    const command = program(answer);
    await expect(require({ ...requirement, command })).resolves.toBe(command);
  });
});
