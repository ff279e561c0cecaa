-- Up Migration

-- Environments, services and credentials, the versions of each credential with their sealed values, check-outs, and
-- the installation itself. Ids are ULIDs and never change; names may.

create table environments (
  id text primary key,
  name text not null unique,
  created_at timestamptz(3) not null
);

create table services (
  id text primary key,
  environment_id text not null references environments,
  name text not null,
  type text not null,
  target jsonb not null,
  admin_username text not null,
  managed_by text not null check (managed_by in ('file', 'api')),
  created_at timestamptz(3) not null,
  removed_at timestamptz(3)
);
-- A name is free again once its service was removed.
create unique index services_name_key on services (environment_id, name) where removed_at is null;

create table credentials (
  id text primary key,
  service_id text not null references services,
  name text not null,
  strategy text not null,
  slots text[] not null check (cardinality(slots) between 1 and 2),
  owner_role text,
  -- A duration as people write it, such as 30s or 7d.
  grace_period text not null,
  verification jsonb not null,
  automatic_rollback boolean not null,
  created_at timestamptz(3) not null,
  unique (service_id, name)
);

-- User, host and value are one version (I9): slot and target are frozen here, whatever the service says later.
create table versions (
  id text primary key,
  credential_id text not null references credentials,
  name text not null,
  slot text not null,
  target jsonb not null,
  label text check (label in ('PENDING', 'CURRENT', 'PREVIOUS')),
  verdict text check (verdict in ('accepted', 'refused', 'errored', 'inconclusive')),
  verdict_at timestamptz(3),
  created_at timestamptz(3) not null,
  -- The guard has let an effect pass that ends this value's life: no check-out is given from then on.
  end_intended_at timestamptz(3),
  -- The target refuses it now, as a probe has shown.
  ended_at timestamptz(3),
  -- It has leaked, or its rotation was given up: nothing sets or promotes it again.
  burned_at timestamptz(3),
  unique (credential_id, name),
  check ((verdict is null) = (verdict_at is null))
);
-- One CURRENT per credential (I7), and one each of the others.
create unique index versions_label_key on versions (credential_id, label) where label is not null;

-- The only table that holds secrets, each under a data key of its own that is wrapped by the key outside the database.
-- `owner_id` is the version or the service (whose admin password it is) that the value belongs to.
create table sealed_values (
  owner_kind text not null check (owner_kind in ('version', 'admin')),
  owner_id text not null,
  key_id text not null,
  algorithm text not null,
  wrap_nonce bytea not null,
  wrapped_key bytea not null,
  wrap_tag bytea not null,
  nonce bytea not null,
  ciphertext bytea not null,
  tag bytea not null,
  sealed_at timestamptz(3) not null,
  primary key (owner_kind, owner_id)
);
create index sealed_values_key_id_idx on sealed_values (key_id);

-- Committed before the value leaves. Never deleted: who had which value is part of the record.
create table check_outs (
  id text primary key,
  version_id text not null references versions,
  principal jsonb not null,
  purpose text,
  granted_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  released_at timestamptz(3),
  -- A request that is repeated gets the same check-out; the value itself is kept nowhere else.
  principal_id text not null,
  idempotency_key text not null,
  request_hash text not null,
  unique (principal_id, idempotency_key)
);
create index check_outs_held_idx on check_outs (version_id, expires_at) where released_at is null;

-- One row. `high_water` counts with the mark beside the key file: a database that is behind the mark came from a copy.
create table installation (
  only_row boolean primary key default true check (only_row),
  -- Changes when a person confirms a restore, so that the copy and its origin can be told apart.
  id text not null,
  -- The key that seals here; the key file must be the one with this id.
  key_id text not null,
  mode text not null check (mode in ('normal', 'restored')),
  since timestamptz(3),
  reason text,
  high_water bigint not null,
  -- Check-outs that this database cannot know of may last until then.
  check_outs_presumed_until timestamptz(3),
  check ((mode = 'normal') = (reason is null))
);

-- Down Migration

drop table installation;
drop table check_outs;
drop table sealed_values;
drop table versions;
drop table credentials;
drop table services;
drop table environments;
