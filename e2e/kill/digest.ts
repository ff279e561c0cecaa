import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';

/**
 * The course of a cell, and the processes that it starts. What they import, directly or not, is what a result is true
 * for; how results are chosen, kept and shown is not.
 */
const ROOTS = ['run', 'worker.main', 'oracle.main', 'client.main'].map((name) => `e2e/kill/${name}.ts`);
/** What carries events, which goes nowhere without it. */
const STACK = /^stack\/|^e2e\/kill\/event-listener\.ts$/;
/** Read from the disk instead of being imported. */
const MIGRATIONS = 'libs/database/*/migrations/*.sql';
/** Generated from what is in the digest anyway. */
const GENERATED = /^libs\/database\/[^/]+\/client\//;
/** What belongs to one kind of target lies in a file or folder with its name, in one of these. */
const KINDS = /^libs\/(?:drivers\/src|contracts\/src\/rotation\/targets)\/([\w-]+?)(?:\.ts)?(?:\/|$)/;
/** What lists the kinds; which of them there are changes nothing for one of them. */
const LISTS = /^libs\/(?:drivers\/src|contracts\/src\/rotation\/targets)\/kinds\.ts$/;

export interface DigestScope {
  /** Names of all drivers, and the one that is under proof. */
  readonly drivers: readonly string[];
  readonly driver: string;
  /** How its tenants have their slots; null: as they usually do. */
  readonly layout: string | null;
  /** Events go through Dapr and Kafka: the servers are part of it, too. */
  readonly isStack: boolean;
}

/**
 * Says for which sources results of the kill test are true: engine, driver, its world, the proof itself, and whatever
 * they rest on in this workspace, by content; other packages by their versions. 64 hexadecimal digits.
 */
export function digestOf(root: string, scope: DigestScope): string {
  const { files, packages } = sourcesOf(root, scope);
  const hash = createHash('sha256').update(
    `${scope.driver} ${scope.layout} ${scope.isStack}\n${packages.join('\n')}\n`,
  );
  for (const file of files)
    hash
      .update(`${file}\n`)
      .update(readFileSync(join(root, file)))
      .update('\n');
  return hash.digest('hex');
}

/** The files, by their paths below the root, and packages of others as `name@version`; both in order. */
export function sourcesOf(
  root: string,
  { drivers, driver, isStack }: Omit<DigestScope, 'layout'>,
): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const others = new Set(drivers.filter((name) => name !== driver));
  const isLeftOut = (file: string) =>
    GENERATED.test(file) || others.has(KINDS.exec(file)?.[1] ?? '') || (!isStack && STACK.test(file));
  const found = new Set<string>();
  const packages = new Set<string>();
  // The world is started by its name.
  const waiting = [...ROOTS, `libs/drivers/src/${driver}/world.ts`];
  const resolver = new Resolver(root);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file) || isLeftOut(file)) continue;
    found.add(file);
    for (const imported of resolver.importsOf(file))
      if ('file' in imported) waiting.push(imported.file);
      else packages.add(imported.package);
  }
  const read = globSync(MIGRATIONS, { cwd: root }).map((path) => path.split(sep).join('/'));
  return { files: [...found, ...read].filter((file) => !LISTS.test(file)).sort(), packages: [...packages].sort() };
}

type Imported = { readonly file: string } | { readonly package: string };

/** Finds what a file imports as the compiler does, ours from their sources. */
class Resolver {
  private readonly options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    customConditions: ['@dsops/source'],
  };
  private readonly cache: ts.ModuleResolutionCache;

  constructor(private readonly root: string) {
    this.cache = ts.createModuleResolutionCache(root, (path) => path, this.options);
  }

  importsOf(file: string): Imported[] {
    const path = join(this.root, file);
    const { importedFiles } = ts.preProcessFile(readFileSync(path, 'utf8'), true, true);
    return importedFiles.flatMap(({ fileName: name }): Imported[] => {
      if (name.startsWith('node:')) return [];
      const { resolvedModule } = ts.resolveModuleName(
        name,
        path,
        this.options,
        ts.sys,
        this.cache,
        undefined,
        ts.ModuleKind.ESNext,
      );
      const resolved = resolvedModule && relative(this.root, resolvedModule.resolvedFileName).split(sep).join('/');
      const isOurs = resolved !== undefined && !resolved.startsWith('../') && !resolved.includes('node_modules/');
      return isOurs ? [{ file: resolved }] : [{ package: this.versioned(name, path) }];
    });
  }

  /** Versions are exact in every package.json. */
  private versioned(name: string, importer: string): string {
    const bare = name
      .split('/')
      .slice(0, name.startsWith('@') ? 2 : 1)
      .join('/');
    let folder = dirname(importer);
    while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
    const { dependencies = {}, devDependencies = {} } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    ) as Record<'dependencies' | 'devDependencies', Record<string, string> | undefined>;
    return `${bare}@${dependencies[bare] ?? devDependencies[bare] ?? 'unknown'}`;
  }
}
