-- When a township received what its relay brought, by message of the block. Null: none of them says so, as in all blocks
-- from before; a program from before leaves it out and reads blocks without it.
alter table spool add column township_us bigint[];  -- Unix microseconds
