-- Up Migration

-- How long a letter is kept once it holds nothing up: by the policy of its type.
alter table dead_letters add column keep_days integer not null default 30 check (keep_days > 0);

-- Down Migration

alter table dead_letters drop column keep_days;
