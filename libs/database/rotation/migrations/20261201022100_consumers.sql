-- Up Migration

-- Do all who use a credential check its values out? Of those that are there nobody has said so.
alter table credentials add column consumers text not null default 'unmanaged'
  check (consumers in ('managed', 'unmanaged'));

-- Down Migration

alter table credentials drop column consumers;
