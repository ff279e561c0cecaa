/** What stands in a file, by its path from the workspace's root, and what is planted there; every occurrence. */
export type Patch = readonly [file: string, before: string, after: string];

/** A rule that is broken on purpose, so that a proof can show that it sees. */
export interface PlantedBug {
  readonly name: string;
  readonly patches: readonly Patch[];
}

/**
 * The texts of the files with the bug in them, by path; or which patch no longer fits its file and has to be renewed.
 * @param read the text of a file
 */
export function applyPatches(
  { patches }: PlantedBug,
  read: (file: string) => string,
): { readonly texts: ReadonlyMap<string, string>; readonly stale: readonly string[] } {
  const texts = new Map<string, string>();
  const stale: string[] = [];
  for (const [file, before, after] of patches) {
    const text = texts.get(file) ?? read(file);
    if (!text.includes(before)) stale.push(`${file} has changed: renew the patch of ${JSON.stringify(before)}`);
    texts.set(
      file,
      text.replaceAll(before, () => after),
    );
  }
  return { texts, stale };
}
