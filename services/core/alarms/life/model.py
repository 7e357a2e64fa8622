"""An alarm, the result of a step, and the policy it follows, as immutable values.

Stepped by `lifecycle` and `fires`, stored by the ledger. Promises the fields of contract 5 under their names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.core.words import FIRE, Category, Confidence, NoticeType, Part, Reason, Severity, State, Verification


@dataclass(frozen=True, slots=True)
class Told:
    """What the desk was last told about an alarm, to find what it must still be told."""

    active: bool
    severity: Severity
    confidence: Confidence | None
    verification: Verification
    at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What the life cycle remembers about an alarm beside its public fields; stored as one JSON value."""

    causes: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()  # of a panel's fires without components: where else it has reported one
    sent: frozenset[NoticeType] = frozenset()
    told: Told | None = None
    raise_at: datetime | None = None  # a first notice held for grouping
    retell_at: datetime | None = None  # a changed state held while flapping
    out_of_service_until: datetime | None = None
    test_until: datetime | None = None
    tested: bool = False  # opened in a test window
    in_earnest: bool = False  # it outlasted its test window, or a person judged it real: no test any more
    grouped: bool = False
    covered: bool = False
    latched: bool = False
    manual: bool = False
    refired: bool = False
    escalation_due: bool = False  # the clock ran out; the notice goes with this step
    part: Part | None = None
    last_at: datetime | None = None  # our time of the newest report
    known: dict[str, datetime] = field(default_factory=dict)  # device time of the newest report of each cause
    raised_ts: datetime | None = None  # device time of the newest raise, in rows from before each cause had its own
    cleared_ts: datetime | None = None  # device time of the newest end of all causes, to spot stale raises
    news_at: datetime | None = None  # when the newest of what a counted alarm counts came
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """One condition through its whole life, with the fields of contract 5 and the life cycle's own memory.

    `id` is the database's and None until stored. `device` is None for an area's or our own alarm.
    """

    code: str
    category: Category
    severity: Severity
    state: State
    verification: Verification
    reason: Reason
    opened_at: datetime
    since: datetime | None = None  # when it began on this row last; None: when it opened
    late_min: int = 0  # how many minutes late the report in `reason` came
    device: str | None = None
    area: str | None = None
    component: str = ""
    zone: str | None = None
    confidence: Confidence | None = None
    value: float | None = None
    limit: float | None = None
    acknowledged_at: datetime | None = None
    cleared_at: datetime | None = None
    closed_at: datetime | None = None
    incident_id: str | None = None
    shelved_until: datetime | None = None
    escalates_at: datetime | None = None
    version: int = 1
    id: int | None = None
    memory: Memory = field(default_factory=Memory)

    @property
    def fire(self) -> bool:
        """Whether contract 6 applies to it."""
        return self.code == FIRE

    @property
    def marked_test(self) -> bool:
        """Whether it is shown and told as part of a test."""
        return self.memory.tested and not self.memory.in_earnest

    @property
    def only_tested(self) -> bool:
        """Whether it began and ended in a test, so that it is nothing for the desk."""
        return self.marked_test and not self.active

    def outlasted_test(self, before: Alarm | None) -> bool:
        """Whether it is no test any more since `before`, and nothing else that its version speaks for changed."""
        marked = before is not None and before.marked_test and not self.marked_test
        return marked and before is not None and before.version == self.version

    @property
    def began_at(self) -> datetime:
        """When the condition that it is about began, as far as we noticed."""
        return self.since or self.opened_at

    @property
    def active(self) -> bool:
        """Whether the condition is still active."""
        return self.cleared_at is None and self.state is not State.CLOSED

    @property
    def open(self) -> bool:
        """Whether the alarm is still open."""
        return self.state is not State.CLOSED


class OutcomeKind(StrEnum):
    """What a step did; each but UNCHANGED, IGNORED and REFUSED is a row in the alarm's time line."""

    OPENED = "opened"
    REPEATED = "repeated"
    REOPENED = "reopened"
    ROSE = "rose"
    CONFIRMED = "confirmed"
    ACKNOWLEDGED = "acknowledged"
    VERIFIED = "verified"
    CORRECTED = "corrected"
    RETURNED = "returned"
    LATCHED = "latched"
    CLOSED = "closed"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    NOTED = "noted"
    ESCALATED = "escalated"
    TOLD = "told"
    TEST_ENDED = "test_ended"
    UNCOVERED = "uncovered"
    GROUPED = "grouped"
    STALE = "stale"
    UNCHANGED = "unchanged"
    IGNORED = "ignored"
    REFUSED = "refused"


class Outcome(NamedTuple):
    """What a step did, and why. REFUSED carries the sentence to show the person who asked."""

    kind: OutcomeKind
    reason: Reason


class Notice(NamedTuple):
    """A notice due now. Its body is made by the ledger from the stepped alarm, in the same transaction.

    `fire` chooses the workers. `overtakes` names undelivered notices of the same incident it goes ahead of.
    """

    type: NoticeType
    fire: bool
    drill: bool = False
    overtakes: frozenset[NoticeType] = frozenset()


class Step(NamedTuple):
    """The result of one step. `alarm` is None only when there was none and none was opened."""

    alarm: Alarm | None
    outcome: Outcome
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Times and thresholds of alarming, changed without a release (contract 6).

    Clocks and window: contract 6. `offline_hold_s`: contract 7. `incident_gap_s`: a site silent that long has
    a new fire, not more of the old one. `flap_hold_s`: a condition that comes and goes is told at most that
    often. `late_after_s`: an event received that long after its own time is marked late. `shelve_max_s`: no
    shelf without an end (ISA-18.2 11.7).
    """

    suspected_clock_s: float = 180.0
    probable_clock_s: float = 60.0
    evidence_window_s: float = 300.0
    incident_gap_s: float = 1800.0
    offline_hold_s: float = 30.0
    flap_hold_s: float = 60.0
    shelve_max_s: float = 7 * 86400.0
    notify_from: Severity = Severity.MAJOR
    drill_until: datetime | None = None

    def clock_s(self, confidence: Confidence | None) -> float:
        """How long an unverified fire with this confidence may wait before it escalates."""
        return self.probable_clock_s if confidence is Confidence.PROBABLE else self.suspected_clock_s

    def drilling(self, now: datetime) -> bool:
        """Whether everything that is sent is marked as a drill."""
        return self.drill_until is not None and now < self.drill_until
