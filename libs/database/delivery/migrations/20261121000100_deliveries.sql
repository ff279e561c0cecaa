-- Up Migration
-- The embedded transport: what Kafka is in a cluster. One row per event and consumer, so that a consumer that is down
-- holds up no other.

create table schema_bounds (
  oldest_release integer not null
);
insert into schema_bounds (oldest_release) values (1);

create table subscriptions (
  consumer text not null,
  topic text not null,
  primary key (consumer, topic)
);

create table deliveries (
  position bigint generated always as identity,
  consumer text not null,
  topic text not null,
  body json not null,
  deliver_after timestamptz,
  primary key (consumer, position)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Down Migration
drop table deliveries, subscriptions, schema_bounds;
