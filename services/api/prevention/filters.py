"""Which hazards a list holds: its filters, and the columns of the table it can be written as."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Query

from services.api.prevention.documents import AREA, overdue_at, select_hazards
from services.api.request import tables
from services.api.request.fields import BIGINT, AreaFilter, DeviceFilter, From, To, check_span, plain
from services.api.request.problems import invalid
from services.api.request.scope import Scope
from services.core.prevention.hazard import Grade, HazardState, Source

_hazard, _device, _site = tables.hazard.c, tables.device.c, tables.site.c
COLUMNS = (
    "id", "code", "title", "title_en", "grade", "source", "state", "overdue", "supervised", "area", "site_id",
    "site_name", "device", "device_name", "component", "owner", "due", "description", "found_at", "found_by",
    "assigned_at", "rectified_at", "rectified_by", "closed_at", "closed_by", "closed_as", "authority", "cause_gone_at",
)  # fmt: skip
_OPEN = "open"
_Words = Annotated[str | None, Query(max_length=200, description="one, or several with commas between")]


def _words_of(name: str, value: str, allowed: tuple[str, ...]) -> set[str]:
    words = set(value.split(","))
    if not words <= set(allowed):
        raise invalid(name, f"must be of {', '.join(allowed)}")
    return words


def _has_words(part: str) -> sa.ColumnElement[bool]:
    text = plain("q", part.strip())
    columns = (
        _hazard.description, _hazard.description_en, _hazard.owner, _hazard.component, _device.code, _device.name,
        _site.name,
    )  # fmt: skip
    return sa.or_(*(column.icontains(text, autoescape=True) for column in columns))


class _Filter:
    """The filters as the caller sent them."""

    def __init__(
        self,
        *,
        state: Annotated[
            str | None, Query(max_length=200, description="`open` is all but verified; commas allowed")
        ] = None,
        grade: _Words = None,
        source: _Words = None,
        code: Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,64}$")] = None,
        area: AreaFilter = None,
        device: DeviceFilter = None,
        site: Annotated[int | None, Query(ge=1, le=BIGINT, description="its own, or the site of its device")] = None,
        owner: Annotated[str | None, Query(max_length=200)] = None,
        overdue: bool | None = None,
        supervised: bool | None = None,
        q: Annotated[str | None, Query(max_length=100, description="part of text, owner, device or site")] = None,
        begin: From = None,
        end: To = None,
    ) -> None:
        check_span(begin, end)
        self._words = {"state": state, "grade": grade, "source": source}
        self._overdue, self._supervised = overdue, supervised
        self._asked: tuple[tuple[Any, Callable[[Any], sa.ColumnElement[bool]]], ...] = (
            (code, _hazard.code.__eq__),
            (area, AREA.startswith),
            (device, _device.code.__eq__),
            (site, _site.id.__eq__),
            (owner if owner is None else plain("owner", owner), _hazard.owner.__eq__),
            (q or None, _has_words),
            (begin, _hazard.found_at.__ge__),
            (end, _hazard.found_at.__lt__),
        )

    def statement(self, scope: Scope, now: datetime) -> "sa.Select[Any]":
        """Return the statement that reads them, of the areas of `scope`.

        Raises:
            Problem: 422, a filter names what there is not.
        """
        allowed = {"state": (*HazardState, _OPEN), "grade": tuple(Grade), "source": tuple(Source)}
        statement = select_hazards(scope)
        for name, value in self._words.items():
            if value is None:
                continue
            words = _words_of(name, value, allowed[name])
            if _OPEN in words:
                words |= set(HazardState) - {HazardState.VERIFIED}
            statement = statement.where(_hazard[name].in_(sorted(words - {_OPEN})))
        if self._overdue is not None:
            late = overdue_at(now)
            statement = statement.where(late if self._overdue else sa.not_(late))
        if self._supervised is not None:
            statement = statement.where(_hazard.supervised_at.is_not(None) == self._supervised)
        return statement.where(*(condition(value) for value, condition in self._asked if value is not None))


HazardFilter = Annotated[_Filter, Depends()]
