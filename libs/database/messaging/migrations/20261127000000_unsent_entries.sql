-- Up Migration

-- What the relay publishes next: unmarked entries in the order of their positions, without those that are on their way
-- already (`besides`) and those of keys that back off. The planner cannot know how many are unmarked, and where it takes
-- them for few it reads and sorts all of them to find the first: with 200,000 waiting, 200 ms for each batch instead of 2.
-- With these settings it can only walk along the index of what is unmarked, and stop when it has enough.
create function unsent_entries(up_to integer, besides bigint[], longest_wait interval) returns setof outbox
language sql stable
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
set max_parallel_workers_per_gather = 0
begin atomic
  select o.* from outbox o
   where o.sent_at is null and o.position <> all(besides)
     and not exists (
       select from relay_backoffs b
        where b.topic = o.topic and b.key = o.key
          -- A wait that lies further ahead is from before the clock was set back (libs/messaging: has-come.ts).
          and b.retry_at > now() and b.retry_at <= now() + 2 * longest_wait)
   order by o.position limit up_to;
end;

-- Down Migration

drop function unsent_entries(integer, bigint[], interval);
