-- Up Migration

-- A target is described by its kind: what a kind has to know of a credential is plain JSON that its declaration reads.
-- A slot and the login under which its value is used are two things.

alter table services alter column admin_username drop not null;
-- Two services with the same kind and server are at one target, where a slot is looked after once.
alter table services add column server text;
update services set server = (target ->> 'host') || ':' || (target ->> 'port');
alter table services alter column server set not null;
create index services_server_idx on services (type, server) where removed_at is null;

alter table credentials add column settings jsonb;
update credentials
   set settings = jsonb_strip_nulls(jsonb_build_object('slots', to_jsonb(slots), 'owner', to_jsonb(owner_role))),
       verification = jsonb_build_object('check', verification - 'timeoutMs', 'timeoutMs', verification -> 'timeoutMs');
alter table credentials alter column settings set not null;
alter table credentials drop column owner_role;

alter table versions add column login text;
update versions set login = slot;
alter table versions alter column login set not null;

-- Down Migration

alter table versions drop column login;

alter table credentials add column owner_role text;
update credentials
   set owner_role = settings ->> 'owner',
       verification = (verification -> 'check') || jsonb_build_object('timeoutMs', verification -> 'timeoutMs');
alter table credentials drop column settings;

drop index services_server_idx;
alter table services drop column server;
update services set admin_username = '' where admin_username is null;
alter table services alter column admin_username set not null;
