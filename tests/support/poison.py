"""Rows that the database refuses for its own reasons: a trigger in the test's database."""

import asyncpg

_TRIGGER = """
create or replace function poison_{table}() returns trigger language plpgsql as $$
begin
    if {condition} then raise exception 'poisoned row of {table}' using errcode = '{errcode}'; end if;
    return new;
end $$;
drop trigger if exists poison on {table};
create trigger poison before insert or update on {table} for each row execute function poison_{table}();
"""
OWN_EXCEPTION = "P0001"  # what `raise exception` of somebody's trigger gives


async def poison(connection: asyncpg.Connection, table: str, condition: str, *, errcode: str = OWN_EXCEPTION) -> None:
    """From now on every row `new` of `table` for which `condition` holds is refused."""
    await connection.execute(_TRIGGER.format(table=table, condition=condition, errcode=errcode))


async def cure(connection: asyncpg.Connection, table: str) -> None:
    """Take every row of `table` again."""
    await connection.execute(f"drop trigger poison on {table}")
