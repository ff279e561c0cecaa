import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { PlantedWorkspace } from './lint/planted-workspace.js';

const schema = (field: string) => `
generator client {
  provider = "prisma-client"
  output = "./client"
  importFileExtension = "js"
}
datasource db {
  provider = "postgresql"
}
model Shelf {
  id String @id
  ${field}
}
`;

describe('a build', () => {
  const workspace = new PlantedWorkspace(['tools/build.mjs', 'tools/database-clients.mjs', 'tools/run.mjs']);
  workspace.write('tsconfig.json', JSON.stringify({ files: ['one.ts'] }));
  workspace.write('one.ts', 'export const one = 1;\n');
  workspace.write('libs/database/library/schema.prisma', schema('label String'));
  afterAll(() => workspace.remove());

  const build = () => workspace.run(['tools/build.mjs']);
  const folder = join(workspace.root, 'libs/database/library/client');
  const models = () => workspace.read('libs/database/library/client/models/Shelf.ts');
  const madeAt = () => statSync(join(folder, 'client.ts')).mtimeMs;

  it('makes the client of a schema, and leaves it alone until the schema is another', async () => {
    expect(await build()).toMatchObject({ code: 0 });
    expect(models()).toContain('label');
    const first = madeAt();
    expect(await build()).toMatchObject({ code: 0 });
    expect(madeAt()).toBe(first);

    workspace.write('libs/database/library/schema.prisma', schema('title String'));
    expect(await build()).toMatchObject({ code: 0 });
    expect(models()).toContain('title');
    expect(models()).not.toContain('label');
  });

  it('names file and line of a schema that is not in order, and keeps the last good client', async () => {
    workspace.write('libs/database/library/schema.prisma', schema('title Strin'));
    const { code, stderr } = await build();
    expect(code).toBe(1);
    expect(stderr).toMatch(/"Strin" is neither a built-in type[^]*libs.database.library.schema\.prisma:12\b/);
    expect(stderr).not.toContain('    at ');
    expect(models()).toContain('title');
  });

  it('makes what is missing, and removes a client that has no schema any more', async () => {
    workspace.write('libs/database/library/schema.prisma', schema('title String'));
    rmSync(join(folder, 'client.ts'));
    workspace.write('libs/database/gone/client/client.ts', 'export const old = 1;\n');
    expect(await build()).toMatchObject({ code: 0 });
    expect(existsSync(join(folder, 'client.ts'))).toBe(true);
    expect(existsSync(join(workspace.root, 'libs/database/gone/client'))).toBe(false);
  });
});
