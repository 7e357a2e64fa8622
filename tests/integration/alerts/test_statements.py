from pathlib import Path

import pytest

from services.core.statements import load_queries
from tests.support.county import County

FILES = sorted([*Path("services/alerts").rglob("*.sql"), *Path("services/core").rglob("*.sql")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_every_statement_is_understood_by_the_database(county: County, path: Path) -> None:
    for name, statement in load_queries(str(path)).items():
        try:
            await county.conn.prepare(statement.replace("{table}", "reading_hydrant"))
        except Exception as error:  # noqa: BLE001 - named and raised below
            pytest.fail(f"{path.name}: {name}: {error}")
