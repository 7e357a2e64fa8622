"""Reads the tables and examples of docs/contract.md, so that tests compare the page with the code and the system."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "contract.md"


@cache
def part(heading: str) -> str:
    """Return the text below a heading, down to the next heading of any level."""
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found, f"{PAGE} has no heading {heading!r}"
    return found[1]


def rows(heading: str, first_column: str) -> list[dict[str, str]]:
    """Return the rows of the table below `heading` whose first column has this title; the titles are the keys."""
    lines = iter(part(heading).splitlines())
    header = next((line for line in lines if line.startswith(f"| {first_column} |")), None)
    assert header, f"no table {first_column!r} below {heading!r}"
    names = _cells(header)
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append(dict(zip(names, _cells(line), strict=True)))
    assert found, f"the table {first_column!r} below {heading!r} is empty"
    return found


def example(heading: str) -> Any:
    """Return the JSON example below `heading`."""
    found = re.search(r"```json\n(.*?)```", part(heading), re.DOTALL)
    assert found, f"no example below {heading!r}"
    return json.loads(found[1])


def plain(cell: str) -> str:
    """Return a cell without its back-ticks."""
    return cell.replace("`", "")


def words(cell: str) -> list[str]:
    """Return the names in a cell."""
    return plain(cell).split()


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
