"""What can happen to an alarm: findings, evidence, resets, people's acts, time, windows.

Made by rules, feed, clocks and API; consumed by `lifecycle` and `fires`. Immutable values without behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.core.words import Category, Confidence, Part, Reason, Severity, Verification


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's verdict with its reason: a condition began (or grew worse), or it is over.

    `cause` tells apart conditions sharing one alarm (mains and battery fault are both `power_fault`): the
    alarm returns when its last cause is over. `ts` is the device's time, for show and for spotting stale
    repeats; no clock starts at it. `late_min` is 0 for a report in time. `confidence` and `part` are for
    fires only; `manual` says that a person pressed it. `latched`: only a person ends the condition (arc
    fault). `counted`: its reason says how many they are, and follows their number while the alarm stands;
    `news_at`: when the newest came of those that a person must hear of, whoever knows of the earlier ones.
    `received_at` (fires): when the report reached us, which may be long before it is judged.
    """

    code: str
    category: Category
    severity: Severity
    reason: Reason
    active: bool = True
    device: str | None = None
    area: str | None = None
    component: str = ""
    zone: str | None = None
    value: float | None = None
    limit: float | None = None
    cause: str = ""
    ts: datetime | None = None
    late_min: int = 0
    confidence: Confidence | None = None
    part: Part | None = None
    manual: bool = False
    latched: bool = False
    counted: bool = False
    news_at: datetime | None = None
    received_at: datetime | None = None


class EvidenceKind(StrEnum):
    """What a piece of evidence can do for a fire (contract 6)."""

    FIRE = "fire"
    SUPPORT = "support"  # prealarm, started, feedback, supervisory: makes a suspicion probable
    NOTE = "note"  # silence, delay, test, operation: told, but moves nothing


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a site reported that bears on its fires; `at` is our commit or receive time, not the device's."""

    at: datetime
    kind: EvidenceKind
    device: str
    component: str
    part: Part
    text: Reason
    tested: bool = False


class Reset(NamedTuple):
    """Somebody reset the device, or one component of it: every active condition it reported is over."""

    device: str
    component: str
    reason: Reason
    ts: datetime | None = None
    late_min: int = 0


class ActKind(StrEnum):
    """What a person can do to an alarm."""

    ACKNOWLEDGE = "acknowledge"
    VERIFY = "verify"
    CORRECT = "correct"
    CLEAR = "clear"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Act:
    """A person's act. `verdict` (real, false, test) belongs to VERIFY and CORRECT, `until` to SHELVE."""

    kind: ActKind
    actor: str
    verdict: Verification | None = None
    until: datetime | None = None
    note: str = ""


class Tick(NamedTuple):
    """Time passed: what is due by now happens. Harmless at any moment, so a doubled tick is safe."""


class SiteWindow(NamedTuple):
    """The site's test window now ends at `until`; None or a past time ends it."""

    until: datetime | None


class OutOfService(NamedTuple):
    """The device is under maintenance until then (None: back in service). Says nothing to fires."""

    until: datetime | None


class Grouped(NamedTuple):
    """The alarm became a child of an incident that speaks for it: it tells nothing unless it has already told.

    Says nothing to fires.
    """

    incident_id: str


class Judgement(NamedTuple):
    """The site's evidence, weighed anew for one fire; made by `fires`, never by hand."""

    confidence: Confidence
    reason: Reason


class Uncovered(NamedTuple):
    """The confirmed fire that spoke for this one's incident is gone: this one goes on in an incident of its own.

    `afresh`: it is judged anew too, because that fire was judged false or a test, or stands at another site (`moved`).
    """

    incident_id: str
    afresh: bool
    moved: bool = False


class Dismissed(NamedTuple):
    """A fire was judged false or a test: what it reported until it was closed counts no more.

    Others for which it spoke are judged again. Comes with the verdict, or with the correction of one on a fire that is
    over.
    """

    incident: str | None
    device: str
    component: str
    closed_at: datetime
    spoke: bool  # it carried the incident's `fire.confirmed`


class Parted(NamedTuple):
    """Fires of these incidents came to this site or left it: some may be without the one that spoke for them.

    `gone`: the devices that left, whose reports say nothing any more about this site. Made by page and moves.
    """

    incidents: frozenset[str | None]
    gone: frozenset[str] = frozenset()


Happening = Finding | Reset | Act | Tick | SiteWindow | OutOfService | Grouped | Judgement | Uncovered


@dataclass(frozen=True, slots=True)
class Situation:
    """What surrounds a step and is not the alarm's own: filled by the ledger (or by `fires`, for fires).

    `incident_id` is given to a new alarm; `grouped` says another notice speaks for it; `test_until` and
    `out_of_service_until` are the windows in force; `covered` (fires) says that another member of the
    incident already carries its `fire.confirmed`, `refired` that the same component fired minutes ago and
    that fire was judged real and is over.
    """

    incident_id: str | None = None
    grouped: bool = False
    test_until: datetime | None = None
    out_of_service_until: datetime | None = None
    covered: bool = False
    refired: bool = False
