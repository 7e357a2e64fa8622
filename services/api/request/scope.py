"""The areas that somebody may see, and the same as SQL. Pure; asked by every statement.

Promises that an empty scope sees nothing, and that what belongs to no township belongs to the county.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

EVERYWHERE = "*"
COUNTY_DIGITS = 6  # GB/T 2260: two digits each for province, prefecture and county


@dataclass(frozen=True, slots=True)
class Scope:
    """The areas one may see, as code prefixes: a county's code covers its townships."""

    areas: tuple[str, ...]

    @property
    def everywhere(self) -> bool:
        """Whether nothing is hidden."""
        return EVERYWHERE in self.areas

    @property
    def county(self) -> bool:
        """Whether it reaches what belongs to no township: our own alarms, policies, rules for all."""
        return self.everywhere or any(len(code) <= COUNTY_DIGITS for code in self.areas)

    def covers(self, area: str | None) -> bool:
        """Whether something of `area` may be seen and acted on; None belongs to no township."""
        if area is None:
            return self.county
        return self.everywhere or any(area.startswith(code) for code in self.areas)

    def within(self, other: "Scope") -> bool:
        """Whether everything seen here is seen there too."""
        if other.everywhere:
            return True
        return not self.everywhere and all(other.covers(code) for code in self.areas)

    def shared(self, other: "Scope") -> "Scope":
        """Return what is seen here and there."""
        if other.everywhere:
            return self
        parts = [other.narrowed(None if code == EVERYWHERE else code).areas for code in self.areas]
        return Scope(tuple(dict.fromkeys(code for part in parts for code in part)))

    def clause(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Return the condition that keeps to the scope; rows without an area belong to the county."""
        if self.everywhere:
            return sa.true()
        inside = [column.startswith(code, autoescape=True) for code in self.areas]
        return sa.or_(sa.false(), *inside, *([column.is_(None)] if self.county else []))

    def narrowed(self, area: str | None) -> "Scope":
        """Return what of this scope lies in an area and below it; None: all of it."""
        if area is None:
            return self
        if self.covers(area):
            return Scope((area,))
        return Scope(tuple(code for code in self.areas if code.startswith(area)))

    def parameters(self) -> dict[str, Any]:
        """Return what a statement in a .sql file asks of a scope: `everywhere`, `areas`."""
        return {"everywhere": self.everywhere, "areas": [code for code in self.areas if code != EVERYWHERE]}
