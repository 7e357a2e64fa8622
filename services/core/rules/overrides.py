"""The overrides of rules as they are stored: read by everybody who asks which number is in force for a device."""

from __future__ import annotations

from collections.abc import Iterable

from services.core.rules.parameters import Override, ParameterBook
from services.core.rules.profile import RegistryRow
from services.core.statements import load_queries

READ_OVERRIDES = load_queries(__file__)["overrides"]


def book_of(rows: Iterable[RegistryRow]) -> ParameterBook:
    """Return what `READ_OVERRIDES` found, ready to answer for any device and time."""
    return ParameterBook(
        Override(row["code"], row["scope"], row["target"], row["parameters"], row["effective_from"]) for row in rows
    )
