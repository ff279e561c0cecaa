-- Up Migration

-- How long a person's word is waited for before it is asked for again, and the standing answer in its place.
alter table credentials add column max_grace text not null default '7d';
alter table credentials add column quiet_for text;
-- Who was last seen to use the value that a rotation waits to end.
alter table rotations add column sighting jsonb;

-- Down Migration

alter table rotations drop column sighting;
alter table credentials drop column quiet_for;
alter table credentials drop column max_grace;
