import type pg from 'pg';

/** How many keys have events that one of these consumers has not settled yet. */
export async function keysBehind(admin: pg.ClientBase | pg.Pool, consumers: readonly string[]): Promise<number> {
  const { rows } = await admin.query<{ behind: number }>(
    `select count(*)::integer as behind from rotation.sequence_counters s cross join unnest($1::text[]) as c(name)
      where not exists (select from notification.consumer_cursors k
                         where k.consumer = c.name and k.topic = s.topic and k.key = s.key and k.sequence = s.head)`,
    [consumers],
  );
  return rows[0]!.behind;
}
