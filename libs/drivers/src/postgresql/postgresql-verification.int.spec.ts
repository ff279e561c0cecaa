import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { scramVerifier } from './scram.js';
import { aLogin, startPostgresqlWorld, type PostgresqlWorld } from './postgresql-world.fixture.js';

describe('The verification query at PostgreSQL', () => {
  let world: PostgresqlWorld;
  const login = aLogin('shop_a');
  beforeAll(async () => {
    world = await startPostgresqlWorld();
    await world.asSuperuser('CREATE TABLE kept AS SELECT 1 AS x', 'GRANT ALL ON kept TO shop_owner');
  }, 60_000);
  beforeEach(async () => {
    await world.reset();
    await world.asSuperuser(`ALTER ROLE shop_a LOGIN PASSWORD '${await scramVerifier(login.password)}'`);
  });
  afterAll(() => world?.close());

  const probe = (query: string) => world.driver.probe(world.target, login, { check: { query }, timeoutMs: 1_500 });
  const kept = async () => (await world.asSuperuser('SELECT x FROM kept')).length;

  it.each(['DELETE FROM kept', 'COMMIT; DELETE FROM kept', 'SELECT 1; DELETE FROM kept'])(
    'writes nothing: %s',
    async (query) => {
      expect(await probe(query)).toMatchObject({ verdict: 'refused', refusedBy: 'verification' });
      expect(await kept()).toBe(1);
    },
  );

  it('reads what the login may read', async () => {
    expect(await probe('SELECT x FROM kept;')).toMatchObject({ verdict: 'accepted' });
  });
});
