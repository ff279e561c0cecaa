-- Up Migration

-- One entry per event, chained by hash in the order of `position`. Nothing here is ever changed or removed.
create table audit.entries (
  position bigint primary key,
  event_id text not null unique,
  at timestamptz(3) not null,
  actor_kind text not null,
  actor_id text not null,
  actor_name text not null,
  action text not null,
  entity_kind text not null,
  entity_id text not null,
  -- json, not jsonb: it keeps the very text that was hashed, and takes every string that JSON can hold.
  details json not null,
  hash bytea not null check (octet_length(hash) = 32)
);
create index entries_by_actor_id on audit.entries (actor_id, position);
create index entries_by_actor_name on audit.entries (actor_name, position);
create index entries_by_action on audit.entries (action text_pattern_ops, position);
create index entries_by_time on audit.entries (at);

-- Which entities an entry is part of the history of: its own, and every other that its details name.
create table audit.entry_entities (
  position bigint not null references audit.entries,
  kind text not null,
  id text not null,
  primary key (id, kind, position)
);
create index entry_entities_by_entry on audit.entry_entities (position);

-- The last entry, in one row that is locked while the next entry is made. Position 0 and 32 zero bytes start the chain.
create table audit.chain_head (
  is_only boolean primary key default true check (is_only),
  position bigint not null,
  hash bytea not null
);
insert into audit.chain_head (position, hash) values (0, decode(repeat('00', 32), 'hex'));

-- Locks the head until the transaction ends and tells where the chain stands. A function of the owner, so that the
-- service needs no right to change the head itself.
create function audit.lock_head(out head_position bigint, out head_hash bytea)
  language sql security definer set search_path = audit, pg_temp
  as 'select h.position, h.hash from audit.chain_head h for update';

-- An entry is taken only as the next one: the database itself keeps positions gapless.
create function audit.move_head() returns trigger
  language plpgsql security definer set search_path = audit, pg_temp
  as $$
  begin
    update audit.chain_head h set position = new.position, hash = new.hash where h.position = new.position - 1;
    if not found then
      raise exception 'audit entry % is not the next one of the chain', new.position using errcode = 'integrity_constraint_violation';
    end if;
    return new;
  end $$;
create trigger entries_move_head before insert on audit.entries for each row execute function audit.move_head();

create function audit.refuse_change() returns trigger
  language plpgsql
  as $$
  begin
    raise exception '% on % is refused: the audit log only grows', tg_op, tg_table_name using errcode = 'insufficient_privilege';
  end $$;
create trigger entries_only_grow before update or delete or truncate on audit.entries
  for each statement execute function audit.refuse_change();
create trigger entry_entities_only_grow before update or delete or truncate on audit.entry_entities
  for each statement execute function audit.refuse_change();
create trigger chain_head_stays before delete or truncate on audit.chain_head
  for each statement execute function audit.refuse_change();
-- `always`: also in sessions that replay a replication stream.
alter table audit.entries enable always trigger entries_only_grow;
alter table audit.entries enable always trigger entries_move_head;
alter table audit.entry_entities enable always trigger entry_entities_only_grow;
alter table audit.chain_head enable always trigger chain_head_stays;

-- What default privileges gave the service and it must not have.
revoke all on audit.entries, audit.entry_entities, audit.chain_head from dsops_audit;
grant select, insert on audit.entries, audit.entry_entities to dsops_audit;
grant select on audit.chain_head to dsops_audit;
revoke all on function audit.lock_head(), audit.move_head(), audit.refuse_change() from public;
grant execute on function audit.lock_head() to dsops_audit;

-- Down Migration

drop table audit.entry_entities;
drop table audit.entries;
drop table audit.chain_head;
drop function audit.lock_head();
drop function audit.move_head();
drop function audit.refuse_change();
