from pathlib import Path

import pytest

from services.core.db import load_queries
from tests.support.county import County

FILES = sorted(
    [*Path("services/alerts").glob("*.sql"), *Path("services/core/alarms").glob("*.sql")], key=lambda path: path.name
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_every_statement_is_understood_by_the_database(county: County, path: Path) -> None:
    for name, statement in load_queries(path).items():
        try:
            await county.conn.prepare(statement)
        except Exception as error:  # noqa: BLE001 - named and raised below
            pytest.fail(f"{path.name}: {name}: {error}")
