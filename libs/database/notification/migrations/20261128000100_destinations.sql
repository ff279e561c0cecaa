-- Up Migration

-- Where notices go. An inbox belongs to a recipient and has its id; others are added by people.
create table notification.destinations (
  id text primary key,
  channel text not null,
  name text not null,
  recipient_id text references notification.recipients,
  -- Of which kinds it wants notices; empty: of all.
  kinds text[] not null default '{}',
  -- What of its settings is no secret.
  settings jsonb not null default '{}',
  -- Earlier events are not for it, nor are events from `ended_at` on.
  since timestamptz(3) not null,
  ended_at timestamptz(3),
  -- Nothing is sent to it before: its medium asked for that.
  not_before timestamptz(3),
  check (recipient_id is null or recipient_id = id)
);
create unique index destinations_by_name on notification.destinations (name)
  where recipient_id is null and ended_at is null;

-- The secret settings of a destination, sealed as one value. They go when the destination ends.
create table notification.sealed_settings (
  destination_id text primary key references notification.destinations,
  key_id text not null,
  algorithm text not null,
  wrap_nonce bytea not null,
  wrapped_key bytea not null,
  wrap_tag bytea not null,
  nonce bytea not null,
  ciphertext bytea not null,
  tag bytea not null
);

-- Whoever is a recipient has an inbox, also when the previous release takes them in, which knows of no destinations.
create function notification.keep_inbox() returns trigger language plpgsql as $$
begin
  insert into notification.destinations (id, channel, name, recipient_id, since, ended_at)
  values (new.id, 'inbox', new.name, new.id, new.since, new.revoked_at)
  on conflict (id) do update
    set name = excluded.name, since = excluded.since, ended_at = excluded.ended_at;
  return null;
end $$;
create trigger recipients_have_an_inbox after insert or update on notification.recipients
  for each row execute function notification.keep_inbox();
insert into notification.destinations (id, channel, name, recipient_id, since, ended_at)
  select id, 'inbox', name, id, since, revoked_at from notification.recipients;

-- The ledger: how each notice ended at each destination. What is still on its way has no outcome yet; when the next
-- attempt is due, or until when the one under way holds it, says `next_attempt_at`.
alter table notification.deliveries
  drop constraint deliveries_channel_check,
  drop constraint deliveries_pkey,
  add constraint deliveries_by_inbox unique (event_id, recipient_id, channel), -- the previous release's key
  add destination_id text references notification.destinations,
  alter recipient_id drop not null,
  alter outcome drop not null,
  alter decided_at drop not null,
  add waiting_since timestamptz(3),
  add next_attempt_at timestamptz(3),
  add attempts integer not null default 0,
  -- Raised by each claim: who claimed before writes nothing any more.
  add fence bigint not null default 0,
  -- How the last attempt failed, while there is another.
  add last_failure text,
  -- The trace that it goes on with.
  add traceparent text;
update notification.deliveries set destination_id = recipient_id;
alter table notification.deliveries
  add primary key (event_id, destination_id),
  add check ((outcome is null) = (decided_at is null)),
  add check ((outcome is null) = (next_attempt_at is not null)),
  add check (outcome is not null or waiting_since is not null);
drop index notification.deliveries_by_recipient;
create index deliveries_by_destination on notification.deliveries (destination_id);
create index deliveries_waiting on notification.deliveries (destination_id, waiting_since, event_id)
  where outcome is null;

-- What the previous release writes into the ledger is for an inbox.
create function notification.deliver_to_inbox() returns trigger language plpgsql as $$
begin
  new.destination_id := coalesce(new.destination_id, new.recipient_id);
  return new;
end $$;
create trigger deliveries_have_a_destination before insert on notification.deliveries
  for each row execute function notification.deliver_to_inbox();

-- What default privileges gave the service and it must not have.
revoke delete on notification.destinations from dsops_notification;

-- Down Migration

drop trigger deliveries_have_a_destination on notification.deliveries;
drop function notification.deliver_to_inbox;
delete from notification.deliveries where channel <> 'inbox' or outcome is null;
drop index notification.deliveries_waiting;
alter table notification.deliveries
  drop constraint deliveries_pkey,
  drop constraint deliveries_by_inbox,
  drop column destination_id,
  drop column waiting_since,
  drop column next_attempt_at,
  drop column attempts,
  drop column fence,
  drop column last_failure,
  drop column traceparent,
  alter recipient_id set not null,
  alter outcome set not null,
  alter decided_at set not null,
  add primary key (event_id, recipient_id, channel),
  add constraint deliveries_channel_check check (channel in ('inbox'));
create index deliveries_by_recipient on notification.deliveries (recipient_id);
drop trigger recipients_have_an_inbox on notification.recipients;
drop function notification.keep_inbox;
drop table notification.sealed_settings;
drop table notification.destinations;
