import { DomainError } from '@dsops/kernel';
import { javaCommand } from '../config.js';
import { runCommand } from './run-command.js';

/** A program that the machine has to bring, and how a person gets it. */
interface Requirement {
  readonly name: string;
  readonly command: string;
  readonly versionArgs: readonly string[];
  /** Finds `major.minor` in what the program prints. */
  readonly pattern: RegExp;
  readonly atLeast: readonly [major: number, minor: number];
  readonly why: string;
  readonly get: string;
}

export const GO: Requirement = {
  name: 'Go',
  command: 'go',
  versionArgs: ['version'],
  pattern: /go(\d+)\.(\d+)/,
  // From 1.21 on, Go fetches the newer Go that a module asks for by itself.
  atLeast: [1, 21],
  why: "Dapr's programs are built with it",
  get: 'Install it from https://go.dev/dl, or with: sudo apt-get install golang-go (on Debian 12 from its backports), brew install go, winget install GoLang.Go',
};

export const JAVA: Requirement = {
  name: 'Java',
  command: javaCommand(),
  versionArgs: ['-version'],
  pattern: /version "(\d+)(?:\.(\d+))?/,
  atLeast: [17, 0],
  why: 'Kafka and Zipkin run on it',
  get: 'Install it from https://adoptium.net, or with: sudo apt-get install openjdk-17-jdk-headless, brew install openjdk@21, winget install EclipseAdoptium.Temurin.21.JDK. JAVA_HOME chooses one of several',
};

export const MAVEN: Requirement = {
  name: 'Maven',
  command: process.platform === 'win32' ? 'mvn.cmd' : 'mvn',
  versionArgs: ['--version'],
  pattern: /Apache Maven (\d+)\.(\d+)/,
  atLeast: [3, 6],
  why: 'it fetches the jars of Kafka and Zipkin',
  get: 'Install Apache Maven with: sudo apt-get install maven, brew install maven, choco install maven',
};

/**
 * The command of a program that is there and new enough.
 * @throws DomainError `tool_missing`, `tool_too_old`
 */
export async function require(requirement: Requirement): Promise<string> {
  const { name, command, why, get, atLeast } = requirement;
  const wanted = `${name} ${atLeast[0]}${atLeast[1] > 0 ? `.${atLeast[1]}` : ''} or newer`;
  const result = await runCommand(command, requirement.versionArgs);
  if (result === undefined || result.code !== 0)
    throw new DomainError('tool_missing', 'unavailable', `${name} is not on this machine (${why}).`, {
      remedy: `${get}. Needed: ${wanted}.`,
      tool: name,
    });
  const found = requirement.pattern.exec(result.tail);
  if (found !== null && !isAtLeast([Number(found[1]), Number(found[2] ?? 0)], atLeast))
    throw new DomainError(
      'tool_too_old',
      'unavailable',
      `${name} on this machine is ${found[1]}${found[2] === undefined ? '' : `.${found[2]}`}; ${wanted} is needed (${why}).`,
      { remedy: `${get}.`, tool: name },
    );
  return command;
}

const isAtLeast = (found: readonly [number, number], wanted: readonly [number, number]): boolean =>
  found[0] > wanted[0] || (found[0] === wanted[0] && found[1] >= wanted[1]);
