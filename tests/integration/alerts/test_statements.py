from pathlib import Path

from services.core.statements import load_queries
from tests.support.county import County

FILES = sorted(path for folder in ("alerts", "core", "push") for path in Path("services", folder).rglob("*.sql"))


async def test_every_statement_is_understood_by_the_database(county: County) -> None:
    faults = []
    for path in FILES:
        for name, statement in load_queries(str(path), path.name).items():
            try:
                await county.conn.prepare(statement.replace("{table}", "reading_hydrant"))
            except Exception as error:  # noqa: BLE001 - named below
                faults.append(f"{path}: {name}: {error}")
    assert not faults
