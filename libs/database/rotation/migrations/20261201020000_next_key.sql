-- Up Migration

-- While the master key is being changed: the key that it is changed to. Values are then sealed under either of the two.
alter table installation
  add next_key_id text,
  add check (next_key_id <> key_id);

-- Down Migration

alter table installation drop column next_key_id;
