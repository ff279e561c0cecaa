-- Up Migration

-- What happened, as the event said it; its words are made of that. Title and body stay for the previous release, which
-- keeps nothing else: of its notices there are only words.
alter table notification.notices
  add event_type text,
  add facts jsonb,
  add check ((event_type is null) = (facts is null));

-- An inbox shows what was put into it: {title, body, nextSteps, place}. What the previous release puts into one has the
-- words of its notice.
alter table notification.notifications add message jsonb;

-- Down Migration

alter table notification.notifications drop column message;
alter table notification.notices drop column facts, drop column event_type;
