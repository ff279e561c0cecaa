-- Up Migration

-- Rotations and their journals. A rotation is the fold of its journal; the columns beside it are what lists and workers
-- look for, written in the same statement as the entry that changed them.

create table rotations (
  id text primary key,
  service_id text not null references services,
  credential_id text not null references credentials,
  strategy text not null,
  trigger text not null check (trigger in ('manual', 'schedule')),
  requested_by jsonb not null,
  reason text,
  -- Of the journal's format: workers take only versions they know.
  engine_version integer not null,
  -- Waits for the open rotation of its credential; it has no journal yet.
  is_queued boolean not null,
  state text not null,
  -- Nothing is left to do, also behind the scenes.
  is_settled boolean not null default false,
  seq integer not null default 0,
  -- Moves on with every lease and stands in every write: who lost the lease writes no more.
  fence bigint not null default 0,
  lease_until timestamptz(3),
  -- When a worker looks again; null while only a person lets it go on.
  wake_at timestamptz(3),
  started_at timestamptz(3) not null,
  ended_at timestamptz(3),
  -- Why it ended without ever having begun: its turn came, and there was nothing to rotate any more.
  refusal jsonb
);
-- One open rotation per credential.
create unique index rotations_open_key on rotations (credential_id) where not is_settled and not is_queued;
create index rotations_due_idx on rotations (wake_at) where not is_settled and not is_queued;
create index rotations_queue_idx on rotations (credential_id, id) where is_queued;
create index rotations_service_id_id_idx on rotations (service_id, id);

create table rotation_journal (
  rotation_id text not null references rotations,
  seq integer not null,
  at timestamptz(3) not null,
  kind text not null,
  entry jsonb not null,
  primary key (rotation_id, seq)
);
-- What has happened is never rewritten.
revoke update, delete, truncate on rotation_journal from dsops_rotation;

-- Down Migration

drop table rotation_journal;
drop table rotations;
