"""docs/gateway.md says what the tables do."""

from pathlib import Path

import pytest

from services.gateway.downlink import FLAGS
from services.gateway.profiles import load_profiles
from services.gateway.tables import TABLES

TEXT = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("bits", "column"),
    [
        (TABLES.system_state, 2),
        (TABLES.component_state, 3),
        (TABLES.utd_state, 4),
        (TABLES.system_operation, 2),
        (TABLES.utd_operation, 3),
    ],
)
def test_every_bit_stands_in_its_column_with_its_event(bits, column):
    rows = [line.split("|") for line in TEXT.splitlines() if line.startswith("| ")]
    for bit in bits:
        if bit.event is not None:
            wanted = f"{bit.zh} `{bit.event}`"
            assert any(
                row[1].strip() == str(bit.bit) and len(row) > column and wanted in row[column] for row in rows
            ), wanted


def test_profiles_commands_and_the_edition_are_named():
    for name in load_profiles():
        assert f"`{name}`" in TEXT
    for name in set(FLAGS) - {"clock_sync", "initialize", "init_utd", "sync_utd_clock"}:
        assert f"`{name}`" in TEXT
    assert "**2011 edition**" in TEXT
