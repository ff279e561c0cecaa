-- Up Migration

-- A value that the target lets in, and whose verification failed behind that, is not refused.
alter table versions drop constraint versions_verdict_check;
alter table versions add constraint versions_verdict_check
  check (verdict in ('accepted', 'refused', 'errored', 'inconclusive', 'unverified'));

-- Down Migration

update versions set verdict = 'inconclusive' where verdict = 'unverified';
alter table versions drop constraint versions_verdict_check;
alter table versions add constraint versions_verdict_check
  check (verdict in ('accepted', 'refused', 'errored', 'inconclusive'));
