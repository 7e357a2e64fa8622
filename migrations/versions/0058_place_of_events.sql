-- The place of an event in the list that one message brought: of two without a number, and at one time, nothing else says
-- which came first. Null: it came alone, or before this release. No row is rewritten.
alter table event add column place integer;
