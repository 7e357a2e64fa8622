"""Which alarms a list or a workbook holds: the filters of the history, and the columns it is written in."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Query

from services.api.alarms.documents import WHOSE, select_alarms
from services.api.request import tables
from services.api.request.fields import BIGINT, AreaFilter, DeviceFilter, From, To, check_span, plain
from services.api.request.problems import invalid
from services.api.request.scope import Scope
from services.core.words import Category, Severity, State, Verification

_alarm = tables.alarm.c
COLUMNS = (
    "id", "opened_at", "area", "site_id", "site_name", "device", "device_name", "component", "zone", "code", "category",
    "severity", "state", "confidence", "verification", "value", "limit", "reason", "reason_en", "acknowledged_at",
    "acknowledged_by", "cleared_at", "closed_at",
)  # fmt: skip
Words = Annotated[str | None, Query(max_length=200, description="one, or several with commas between")]


def words_of(name: str, value: str | None, allowed: Iterable[str], extra: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the words of a comma list.

    Raises:
        Problem: 422, one of them is not known.
    """
    known = [str(word) for word in allowed]
    found: set[str] = set()
    for word in (value or "").split(","):
        if word in extra:
            found |= set(extra[word])
        elif word in known:
            found.add(word)
        elif value is not None:
            raise invalid(name, f"must be of {', '.join([*known, *extra])}")
    return found


def _has_words(part: str) -> sa.ColumnElement[bool]:
    text = plain("q", part.strip())
    device, site = tables.device.c, tables.site.c
    columns = (
        _alarm.reason, _alarm.reason_en, _alarm.component, _alarm.zone, WHOSE.code, device.name, site.name,
    )  # fmt: skip
    return sa.or_(*(column.icontains(text, autoescape=True) for column in columns))


def _acted(name: str) -> sa.ColumnElement[bool]:
    line = tables.alarm_transition.c
    names = (f"user:{plain('by', name)}", f"key:{name}")
    # What a verdict on another fire brought about is no act on this one; such lines were once written as verdicts.
    own = sa.and_(line.act != "judgement", sa.or_(line.act != "verify", line.outcome == "verified"))
    return sa.exists().where(line.alarm_id == _alarm.id, line.actor.in_(names), own)


class _Filter:
    """The filters as the caller sent them."""

    def __init__(
        self,
        *,
        state: Annotated[
            str | None, Query(max_length=200, description="`open` is all but closed; commas allowed")
        ] = None,
        severity: Words = None,
        category: Words = None,
        verification: Words = None,
        area: AreaFilter = None,
        device: DeviceFilter = None,
        site: Annotated[int | None, Query(ge=1, le=BIGINT)] = None,
        incident: Annotated[int | None, Query(ge=1, le=BIGINT)] = None,
        code: Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,64}$")] = None,
        q: Annotated[str | None, Query(max_length=100, description="part of reason, part, device or site")] = None,
        by: Annotated[str | None, Query(max_length=100, description="whoever acted: a user's or a key's name")] = None,
        begin: From = None,
        end: To = None,
    ) -> None:
        check_span(begin, end)
        self._words = {"state": state, "severity": severity, "category": category, "verification": verification}
        self._asked: tuple[tuple[Any, Callable[[Any], sa.ColumnElement[bool]]], ...] = (
            (area, _alarm.area.startswith),
            (device, WHOSE.code.__eq__),
            (site, tables.site.c.id.__eq__),  # joined only where it may be seen
            (incident, _alarm.incident_id.__eq__),
            (code, _alarm.code.__eq__),
            (q or None, _has_words),
            (by or None, _acted),
            (begin, _alarm.opened_at.__ge__),
            (end, _alarm.opened_at.__lt__),
        )
        self.span: tuple[datetime | None, datetime | None] = (begin, end)

    def statement(self, scope: Scope) -> "sa.Select[Any]":
        """Return the statement that reads them, of the areas of `scope`.

        Raises:
            Problem: 422, a filter names what there is not.
        """
        statement = select_alarms(scope).where(scope.clause(_alarm.area))
        allowed: dict[str, Iterable[str]] = {
            "state": State, "severity": Severity, "category": Category, "verification": Verification,
        }  # fmt: skip
        open_states = {"state": {"open": tuple(word for word in State if word != State.CLOSED)}}
        for name, value in self._words.items():
            if words := words_of(name, value, allowed[name], open_states.get(name, {})):
                statement = statement.where(_alarm[name].in_(sorted(words)))
        return statement.where(*(condition(value) for value, condition in self._asked if value is not None))


AlarmFilter = Annotated[_Filter, Depends()]
