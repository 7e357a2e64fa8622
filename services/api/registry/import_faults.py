"""Rows of an accepted ledger that became impossible before they were written: told in the answer, set aside, kept.

Used by the import route, its steps and housekeeping. Promises that no answer calls a row written that is not.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from services.api.request.database import Inside, Reads, Row
from services.core import aside
from services.core.aside import Unit, write_aside
from services.core.statements import load_queries

SQL = load_queries(__file__)
_NAMED = 20  # rows in what is set aside; the answer of the import has them all


class RowsNotWritten(Exception):
    """What is set aside says this."""

    def __init__(self, faults: Sequence[Row]) -> None:
        first = faults[0]
        super().__init__(
            f"{len(faults)} rows of an accepted ledger could not be written / {len(faults)} 行已受理但未能入库; "
            f"line {first['line']}, {first['code']}: {first['error']}"
        )


async def read_faults(reads: Reads, import_id: int) -> Sequence[Row]:
    """Return the rows of an import that could not be written."""
    return await reads.rows(SQL["faults"], import_id=import_id)


async def set_faults_aside(connection: asyncpg.Connection, import_id: int, now: datetime) -> None:
    """Set aside what a finished import could not write; strike it off when nothing is left."""
    faults = await read_faults(Inside(connection), import_id)
    name = f"import:{import_id}"
    if not faults:
        await connection.execute(aside.SQL["over"], "api", "import", name, now)
        return
    named = [{"line": row["line"], "code": row["code"], "error": row["error"]} for row in faults[:_NAMED]]
    unit = Unit("import", name, detail={"import_id": import_id, "rows": named})
    await write_aside(connection, "api", unit, RowsNotWritten(faults), now)


def with_faults(result: Mapping[str, Any], faults: Sequence[Row], most: int) -> dict[str, Any]:
    """Return the answer of an import with what could not be written: counted as failed, named among the errors."""
    lines = {row["line"] for row in faults}
    new = sum(1 for row in faults if row["new"])
    errors = [
        {
            "line": row["line"],
            "field": "code",
            "message": f"{row['code']} was not written, it is set aside: {row['error']}",
        }
        for row in faults[:most]
    ]
    return {
        **result,
        "created": result["created"] - new,
        "updated": result["updated"] - (len(faults) - new),
        "failed": len(faults),
        "errors": errors,
        "changes": [change for change in result["changes"] if change["line"] not in lines],
    }
