"""How a revision runs its SQL: the file of the same name next to it, sent as one script.

asyncpg runs a script of many statements only outside the prepared-statement path, so the driver connection is used.
"""

from pathlib import Path

from alembic import op
from sqlalchemy import text
from sqlalchemy.util import await_only


def run_sql(revision_file: str) -> None:
    """Execute the `.sql` file beside `revision_file` inside alembic's open transaction."""
    script = Path(revision_file).with_suffix(".sql").read_text(encoding="utf-8")
    bind = op.get_bind()
    bind.execute(text("select 1"))  # the adapter opens its transaction at the first statement
    driver = bind.connection.driver_connection
    if driver is None:
        raise RuntimeError("the migration connection is closed")
    await_only(driver.execute(script))


def run_each(revision_file: str) -> None:
    """Execute the statements of the `.each.sql` file beside `revision_file`, each in a transaction of its own.

    Called inside alembic's `autocommit_block`, for statements that lock very much. A kill may come between two, and the
    next run begins with the first again: each must be one that may be repeated.
    """
    script = Path(revision_file).with_suffix(".each.sql").read_text(encoding="utf-8")
    bind = op.get_bind()
    for statement in script.split(";\n"):
        if statement.strip():
            bind.exec_driver_sql(statement)
