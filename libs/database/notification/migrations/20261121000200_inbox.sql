-- Up Migration

-- Who gets notifications: the principals that the gateway has told about.
create table notification.recipients (
  id text primary key,
  kind text not null,
  name text not null,
  role text not null,
  -- Earlier events are not for this recipient, nor are events from `revoked_at` on.
  since timestamptz(3) not null,
  revoked_at timestamptz(3)
);

-- What is worth telling, worded once per event.
create table notification.notices (
  event_id text primary key,
  kind text not null,
  title text not null,
  body text not null,
  priority text not null check (priority in ('normal', 'high')),
  entity_kind text not null,
  entity_id text not null,
  happened_at timestamptz(3) not null
);
create index notices_by_time on notification.notices (happened_at);

-- The ledger: how each notice ended for each recipient on each channel. A dead-lettered row becomes delivered when its
-- event is replayed; no other row changes. A dead-lettered event may have no notice.
create table notification.deliveries (
  event_id text not null,
  recipient_id text not null references notification.recipients,
  channel text not null check (channel in ('inbox')),
  outcome text not null check (outcome in ('delivered', 'suppressed', 'dead_lettered')),
  reason text check ((reason is null) = (outcome = 'delivered')),
  decided_at timestamptz(3) not null,
  primary key (event_id, recipient_id, channel)
);
create index deliveries_by_recipient on notification.deliveries (recipient_id);

-- The inbox. Clearing it removes rows here; the ledger keeps its record.
create table notification.notifications (
  id text primary key,
  event_id text not null references notification.notices,
  recipient_id text not null references notification.recipients,
  created_at timestamptz(3) not null,
  read_at timestamptz(3),
  archived_at timestamptz(3),
  unique (event_id, recipient_id)
);
create index notifications_by_recipient on notification.notifications (recipient_id, id);
create index notifications_by_age on notification.notifications (created_at) where archived_at is null;

-- What default privileges gave the service and it must not have.
revoke delete on notification.recipients, notification.deliveries from dsops_notification;
revoke update, delete on notification.notices from dsops_notification;

-- Down Migration

drop table notification.notifications;
drop table notification.deliveries;
drop table notification.notices;
drop table notification.recipients;
