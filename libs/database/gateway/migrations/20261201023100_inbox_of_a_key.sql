-- Up Migration

-- Has a key an inbox of its own? Those that are there have one and keep it, and so does a key that a process of the
-- previous release makes meanwhile. From now on a key has one when it is asked for: machines read no inbox.
alter table api_keys add column has_inbox boolean not null default true;

-- Down Migration

alter table api_keys drop column has_inbox;
