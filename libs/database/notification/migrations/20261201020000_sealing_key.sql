-- Up Migration

-- The master key under which settings are sealed, from the first change of it on.
create table notification.sealing_key (
  only_row boolean primary key default true check (only_row),
  key_id text not null
);

-- A process that still has the service key of before a change must not seal what nobody could open later.
create function notification.refuse_former_key() returns trigger language plpgsql as $$
declare
  wanted text := (select key_id from notification.sealing_key);
begin
  if new.key_id <> wanted then
    raise exception 'sealed under key %, but the key of this installation is % since it was changed', new.key_id, wanted;
  end if;
  return new;
end $$;
create trigger settings_are_sealed_under_the_key before insert or update on notification.sealed_settings
  for each row execute function notification.refuse_former_key();

-- Only a change of the master key writes it.
revoke insert, update, delete on notification.sealing_key from dsops_notification;

-- Down Migration

drop trigger settings_are_sealed_under_the_key on notification.sealed_settings;
drop function notification.refuse_former_key;
drop table notification.sealing_key;
