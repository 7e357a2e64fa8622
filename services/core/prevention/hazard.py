"""The life of a hazard (隐患): found, assigned, rectified, verified, and back again when it was not mended. Pure.

Called by `ledger`, with the row locked. Promises that a step that the state does not allow is refused with both
languages, and that nobody ends a major hazard under supervision (挂牌督办) which they rectified themselves.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from services.core.alarms.ledger.refusals import NotAllowed


class HazardState(StrEnum):
    """Where a hazard stands. Verified is the end."""

    FOUND = "found"
    ASSIGNED = "assigned"
    RECTIFIED = "rectified"
    VERIFIED = "verified"


class Grade(StrEnum):
    """How bad it is: general or major (重大火灾隐患)."""

    GENERAL = "general"
    MAJOR = "major"


class Source(StrEnum):
    """Who found it: the system in its data, somebody on an inspection, somebody who reported it."""

    SYSTEM = "system"
    INSPECTION = "inspection"
    REPORT = "report"


class ClosedAs(StrEnum):
    """Why it ended: it was mended, it was none, or what the system saw was over before anybody took it."""

    RECTIFIED = "rectified"
    UNFOUNDED = "unfounded"
    CAUSE_GONE = "cause_gone"


class Act(StrEnum):
    """A step in the time line."""

    FIND = "find"
    CHANGE = "change"
    ASSIGN = "assign"
    RECTIFY = "rectify"
    VERIFY = "verify"
    CLOSE = "close"
    REOPEN = "reopen"
    SUPERVISE = "supervise"
    CAUSE_GONE = "cause_gone"
    CAUSE_BACK = "cause_back"


class By(NamedTuple):
    """Who takes a step, and when. `person` is who stands behind a key: the person who made it, else the key itself."""

    actor: str
    person: str
    at: datetime


class Hazard(NamedTuple):
    """What a step may change."""

    state: HazardState
    code: str
    grade: Grade
    owner: str = ""
    due: datetime | None = None
    description: str = ""
    description_en: str = ""
    assigned_at: datetime | None = None
    assigned_by: str | None = None
    rectified_at: datetime | None = None
    rectified_by: str | None = None
    rectified_person: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_as: ClosedAs | None = None
    supervised_at: datetime | None = None
    supervised_by: str | None = None
    authority: str = ""
    cause_gone_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self.state is not HazardState.VERIFIED

    @property
    def guarded(self) -> bool:
        """Whether two people are needed to end it."""
        return self.grade is Grade.MAJOR and self.supervised_at is not None

    def overdue(self, now: datetime) -> bool:
        """Whether it should have been rectified by now."""
        return is_overdue(self.state, self.due, now)


UNMENDED: Final = (HazardState.FOUND, HazardState.ASSIGNED)
COLUMNS: Final = Hazard._fields


def is_overdue(state: str, due: datetime | None, now: datetime) -> bool:
    """Whether a hazard in `state` should have been rectified by now."""
    return state in UNMENDED and due is not None and due < now


def of_row(row: Mapping[str, Any]) -> Hazard:
    """Return the hazard of a stored row."""
    closed_as = row["closed_as"]
    return Hazard(**{name: row[name] for name in COLUMNS})._replace(
        state=HazardState(row["state"]),
        grade=Grade(row["grade"]),
        closed_as=None if closed_as is None else ClosedAs(closed_as),
    )


_NAMES: Final = {
    HazardState.FOUND: "待指派", HazardState.ASSIGNED: "整改中", HazardState.RECTIFIED: "待复查",
    HazardState.VERIFIED: "已销案",
}  # fmt: skip


def _need(hazard: Hazard, *states: HazardState, zh: str, en: str) -> None:
    if hazard.state not in states:
        raise NotAllowed(f"隐患处于“{_NAMES[hazard.state]}”，{zh}", f"the hazard is {hazard.state}: {en}")


def assign(hazard: Hazard, by: By, owner: str | None, due: datetime | None) -> Hazard:
    """Name who mends it and until when. What is not named stays; somebody must be named at last.

    Raises:
        NotAllowed: it is rectified or verified, or nobody is named.
    """
    _need(hazard, *UNMENDED, zh="不能再指派", en="only one that is found or assigned can be assigned")
    named = hazard.owner if owner is None else owner
    if not named:
        raise NotAllowed("须指明整改责任人", "name an owner: who has to rectify it")
    return hazard._replace(
        state=HazardState.ASSIGNED, owner=named, due=hazard.due if due is None else due, assigned_at=by.at,
        assigned_by=by.actor,
    )  # fmt: skip


def rectify(hazard: Hazard, by: By) -> Hazard:
    """Say that it is mended; somebody has still to see it.

    Raises:
        NotAllowed: it is not assigned.
    """
    _need(hazard, HazardState.ASSIGNED, zh="不能上报整改完成", en="only one that is assigned can be rectified")
    return hazard._replace(
        state=HazardState.RECTIFIED, rectified_at=by.at, rectified_by=by.actor, rectified_person=by.person
    )


def verify(hazard: Hazard, by: By) -> Hazard:
    """Say that it was seen to be mended, which ends it.

    Raises:
        NotAllowed: it is not rectified; or it is under supervision and the one who rectified it says so.
    """
    _need(hazard, HazardState.RECTIFIED, zh="不能复查", en="only one that is rectified can be verified")
    _check_second_person(hazard, by)
    return _end(hazard, by, ClosedAs.RECTIFIED)


def close(hazard: Hazard, by: By, *, unfounded: bool = False) -> Hazard:
    """End it: as `verify` does; or, where it was none, from any open state. What has ended stays as it is.

    Raises:
        NotAllowed: it is not rectified; or, under supervision, it is called none or ended by who rectified it.
    """
    _check_second_person(hazard, by)
    if not hazard.open:
        return hazard
    if not unfounded:
        _need(
            hazard, HazardState.RECTIFIED, zh="整改后才能销案",
            en="it can be closed once it is rectified, or as unfounded with a note that says why",
        )  # fmt: skip
        return _end(hazard, by, ClosedAs.RECTIFIED)
    if hazard.guarded:
        raise NotAllowed(
            "挂牌督办的重大隐患须整改后销案", "a major hazard under supervision is closed once it is rectified"
        )
    return _end(hazard, by, ClosedAs.UNFOUNDED)


def reopen(hazard: Hazard, _by: By) -> Hazard:
    """Take it up again: it was not mended after all, or it came back. Its owner keeps it; supervision stays.

    Raises:
        NotAllowed: it is open and not rectified.
    """
    _need(
        hazard, HazardState.RECTIFIED, HazardState.VERIFIED, zh="无需重新打开",
        en="only one that is rectified or verified can be reopened",
    )  # fmt: skip
    return hazard._replace(
        state=HazardState.ASSIGNED if hazard.owner else HazardState.FOUND,
        rectified_at=None, rectified_by=None, rectified_person=None, closed_at=None, closed_by=None, closed_as=None,
    )  # fmt: skip


def supervise(hazard: Hazard, by: By, authority: str | None, due: datetime | None) -> Hazard:
    """Put a major hazard under supervision until it is closed. Done again, it names another authority or time.

    Raises:
        NotAllowed: it is verified, or general.
    """
    _need(hazard, *UNMENDED, HazardState.RECTIFIED, zh="不能挂牌督办", en="only one that is open can be supervised")
    if hazard.grade is not Grade.MAJOR:
        raise NotAllowed("只有重大隐患可以挂牌督办", "only a major hazard can be put under supervision")
    return hazard._replace(
        supervised_at=hazard.supervised_at or by.at,
        supervised_by=hazard.supervised_by or by.actor,
        authority=hazard.authority if authority is None else authority,
        due=hazard.due if due is None else due,
    )


def change(hazard: Hazard, values: Mapping[str, Any]) -> Hazard:
    """Correct what is said of it: `code`, `grade`, `owner`, `due`, `description`.

    Raises:
        NotAllowed: it is verified; or it would be general under supervision, or assigned to nobody.
    """
    _need(hazard, *UNMENDED, HazardState.RECTIFIED, zh="不能修改", en="it is closed; reopen it first")
    changed = hazard._replace(**values)
    if hazard.guarded and not changed.guarded:
        raise NotAllowed("挂牌督办的隐患不能降级", "a hazard under supervision stays major until it is closed")
    if not changed.owner and hazard.state is not HazardState.FOUND:
        raise NotAllowed("已指派的隐患须有责任人", "a hazard that is assigned has an owner")
    return changed


def cause_gone(hazard: Hazard, by: By) -> Hazard:
    """Note that what the system saw is over. That ends only what no person has taken; else a person decides."""
    if not hazard.open:
        return hazard
    noted = hazard._replace(cause_gone_at=by.at)
    untouched = hazard.state is HazardState.FOUND and not hazard.owner and not hazard.guarded
    return _end(noted, by, ClosedAs.CAUSE_GONE) if untouched else noted


def cause_back(hazard: Hazard) -> Hazard:
    """Note that what the system saw is there again."""
    return hazard._replace(cause_gone_at=None) if hazard.open else hazard


def _check_second_person(hazard: Hazard, by: By) -> None:
    if hazard.guarded and by.person == hazard.rectified_person:
        raise NotAllowed(
            "挂牌督办的重大隐患须由整改人以外的人销案",
            "a major hazard under supervision is closed by another person than the one who rectified it",
        )


def _end(hazard: Hazard, by: By, closed_as: ClosedAs) -> Hazard:
    return hazard._replace(state=HazardState.VERIFIED, closed_at=by.at, closed_by=by.actor, closed_as=closed_as)
