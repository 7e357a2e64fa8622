-- Whose commands a lane sends: the exact codes of its partition, none: the catch-all's. Null: said by a program of before,
-- whose name has the codes where they are four at most.
alter table ingest_lane add column areas text[];
