-- Up Migration

-- Who may use the API. The value of a key is shown once; only its hash is kept.
create table gateway.api_keys (
  id text primary key,
  name text not null,
  role text not null check (role in ('viewer', 'operator', 'admin')),
  -- SHA-256 of the key's secret part, in hex.
  hash text not null unique,
  -- `start`: made by the server for the file that the command line reads. `api`: made by a person.
  made_by text not null check (made_by in ('start', 'api')),
  created_at timestamptz(3) not null,
  -- Exact to a minute.
  last_used_at timestamptz(3),
  revoked_at timestamptz(3)
);
create unique index api_keys_one_of_start on gateway.api_keys (made_by) where made_by = 'start' and revoked_at is null;

-- Requests that may change something, from before they are carried out until their access event is in the outbox. What
-- is left here after a crash is reported with an unknown outcome.
create table gateway.open_requests (
  id text primary key,
  principal json not null,
  operation text not null,
  method text not null,
  path text not null,
  started_at timestamptz(3) not null
);
create index open_requests_by_start on gateway.open_requests (started_at);

-- Every event in the order in which it is told to clients. Positions have no gaps, and whoever sees one sees all before
-- it: the counter's row stays locked until the transaction that took a position ends.
create table gateway.feed (
  position bigint primary key,
  topic text not null,
  type text not null,
  -- The principal who alone may see it; null: everybody who may see its topic.
  only_for text,
  -- The CloudEvents envelope. json, not jsonb: it takes every string that JSON can hold.
  event json not null,
  at timestamptz(3) not null
);
create index feed_by_time on gateway.feed (at);

create table gateway.feed_counter (
  is_only boolean primary key default true check (is_only),
  position bigint not null
);
insert into gateway.feed_counter (position) values (0);

revoke insert, delete on gateway.feed_counter from dsops_gateway;

-- Down Migration

drop table gateway.feed_counter;
drop table gateway.feed;
drop table gateway.open_requests;
drop table gateway.api_keys;
