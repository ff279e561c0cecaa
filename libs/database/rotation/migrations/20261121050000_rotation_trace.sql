-- Up Migration

-- The trace of the request that asked for the rotation: what workers do for it later belongs to the same trace.
alter table rotations add column traceparent text;

-- Down Migration

alter table rotations drop column traceparent;
