"""Which release this is: said by `firetower --version`. The number stands in pyproject.toml and nowhere else."""

from importlib.metadata import version
from pathlib import Path

VERSION = version("firetower")
_MIGRATIONS = Path(__file__).parents[2] / "migrations/versions"


def newest_schema() -> str:
    """Return the number of the newest schema revision that this release knows."""
    return max(path.name[:4] for path in _MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.py"))


def describe() -> str:
    """Return the release in one line."""
    return f"firetower {VERSION}, schema {newest_schema()}"
