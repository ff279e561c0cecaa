-- Up Migration

-- A person may give a letter up: who and why stays with it.
alter table dead_letters drop constraint dead_letters_status_check;
alter table dead_letters add constraint dead_letters_status_check check (status in ('open', 'replayed', 'dropped'));
alter table dead_letters add column note text check ((status = 'dropped') = (note is not null));

-- Down Migration

alter table dead_letters drop column note;
update dead_letters set status = 'replayed' where status = 'dropped';
alter table dead_letters drop constraint dead_letters_status_check;
alter table dead_letters add constraint dead_letters_status_check check (status in ('open', 'replayed'));
