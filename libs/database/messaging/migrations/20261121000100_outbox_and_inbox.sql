-- Up Migration
-- What every service keeps to say and to hear events. The rules are in libs/messaging; the tables are the same in each
-- service's schema, because a service is producer and consumer at once.

-- The oldest release that can work on this schema; see migrate.ts.
create table schema_bounds (
  oldest_release integer not null
);
insert into schema_bounds (oldest_release) values (1);

-- ---------------------------------------------------------------------------------------------------- as a producer

-- Raised only when the database was restored from a copy: sequences start again at 1 in the new epoch.
create table producer_epoch (
  only_row boolean primary key default true check (only_row),
  epoch integer not null check (epoch > 0)
);
insert into producer_epoch (epoch) values (1);

-- The last sequence of each key. Never pruned. `changed_in` is the transaction that took it: what changed since a
-- snapshot can be told from it exactly, which no timestamp can.
create table sequence_counters (
  topic text not null,
  key text not null,
  epoch integer not null,
  head bigint not null check (head > 0),
  changed_in xid8 not null,
  primary key (topic, key)
) with (fillfactor = 60); -- room for updates in place: a row of a busy key changes with every event

create table outbox (
  -- The order of publishing. Within a key it is the order of the sequence; across keys it says nothing.
  position bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  epoch integer not null,
  sequence bigint not null,
  id text not null,
  type text not null,
  subject text not null,
  said_at timestamptz(3) not null,
  traceparent text,
  -- json, not jsonb: it keeps every string as it was said.
  data json not null,
  sent_at timestamptz,
  unique (topic, key, epoch, sequence)
);
create index outbox_unsent on outbox (position) where sent_at is null;

-- Keys whose next entry the transport refused; the others go on.
create table relay_backoffs (
  topic text not null,
  key text not null,
  attempts integer not null,
  retry_at timestamptz not null,
  reason text not null,
  primary key (topic, key)
);

create table relay_lease (
  only_row boolean primary key default true check (only_row),
  holder text not null,
  fence bigint not null,
  expires_at timestamptz not null
);

-- Consumers of this producer's topics, as they report themselves. One that was retired holds up no pruning.
create table subscribers (
  consumer text primary key,
  reported_at timestamptz,
  retired_at timestamptz
);

create table reported_cursors (
  consumer text not null,
  topic text not null,
  key text not null,
  epoch integer not null,
  sequence bigint not null,
  primary key (consumer, topic, key)
);

-- ---------------------------------------------------------------------------------------------------- as a consumer

-- Registered once, with the heads recorded as cursors when it starts from `now`. Retired by command only.
create table consumers (
  name text primary key,
  starts_from text not null check (starts_from in ('beginning', 'now')),
  registered_at timestamptz not null default now()
);

-- The last event of each key that is settled. Never pruned. Below start_sequence is history that was never asked for.
create table consumer_cursors (
  consumer text not null,
  topic text not null,
  key text not null,
  epoch integer not null default 1,
  sequence bigint not null default 0,
  start_sequence bigint not null default 0,
  -- What the producer was told last; null: nothing yet.
  reported_epoch integer,
  reported_sequence bigint,
  primary key (consumer, topic, key)
) with (fillfactor = 60);

-- Which event stood at each settled place, to tell a duplicate from a conflict.
create table processed_events (
  consumer text not null,
  topic text not null,
  key text not null,
  epoch integer not null,
  sequence bigint not null,
  event_id text not null,
  processed_at timestamptz not null default now(),
  primary key (consumer, topic, key, epoch, sequence)
);
create index processed_events_by_time on processed_events using brin (processed_at);

-- Events that wait. Only the first of its key can be due:
--   waiting   for its predecessor, or (due) for the next pass
--   retrying  its handler failed; next_attempt_at says when it is tried again
--   unknown   no contract of this release fits; tried again after an update, or by a person
--   dead      a dead letter blocks the key
create table parked (
  consumer text not null,
  topic text not null,
  key text not null,
  epoch integer not null,
  sequence bigint not null,
  event_id text not null,
  body json not null,
  state text not null check (state in ('waiting', 'retrying', 'unknown', 'dead')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  reason text,
  parked_at timestamptz not null default now(),
  primary key (consumer, topic, key, epoch, sequence)
);
create index parked_due on parked (consumer, next_attempt_at) where next_attempt_at is not null;

-- Events that were not applied and need a person:
--   failed      its handler failed until its retries were used up
--   unknown     no contract of this release fits; its key waits
--   unreadable  no CloudEvent of ours; it has no place, so its sequence is 0 and no key waits
--   stale       of an epoch that has ended; what it told is derived anew
create table dead_letters (
  id text primary key,
  consumer text not null,
  kind text not null check (kind in ('failed', 'unknown', 'unreadable', 'stale')),
  status text not null default 'open' check (status in ('open', 'replayed')),
  blocks_key boolean not null,
  reason text not null,
  attempts integer not null,
  type text not null,
  topic text not null,
  key text not null,
  epoch integer not null,
  sequence bigint not null,
  event_id text not null,
  body json not null,
  created_at timestamptz(3) not null default now(),
  closed_at timestamptz(3),
  unique (consumer, topic, key, epoch, sequence, event_id)
);
create index dead_letters_open on dead_letters (consumer, topic, key) where status = 'open';

-- What must not happen: loss (an event that its producer no longer has), conflict (two events at one place), stale (an
-- event of a lower epoch came late; its letter holds it), ahead (a cursor above what the producer has ever said).
create table event_alarms (
  kind text not null check (kind in ('loss', 'conflict', 'stale', 'ahead')),
  consumer text not null,
  topic text not null,
  key text not null,
  epoch integer not null,
  sequence bigint not null,
  event_id text not null,
  seen integer not null default 1,
  first_at timestamptz not null default now(),
  last_at timestamptz not null default now(),
  resolved_at timestamptz,
  primary key (kind, consumer, topic, key, epoch, sequence, event_id)
);

-- ------------------------------------------------------------------------------------------------ idempotent requests

-- Answers to requests with an Idempotency-Key, written in the transaction of the effect and kept for a day. Answers hold
-- no secret.
create table requests (
  principal_id text not null,
  key text not null,
  fingerprint text not null,
  answer json,
  created_at timestamptz not null,
  primary key (principal_id, key)
);
create index requests_by_age on requests (created_at);

-- Down Migration
drop table requests, event_alarms, dead_letters, parked, processed_events, consumer_cursors, consumers,
  reported_cursors, subscribers, relay_lease, relay_backoffs, outbox, sequence_counters, producer_epoch, schema_bounds;
