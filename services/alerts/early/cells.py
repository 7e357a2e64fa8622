"""Devices that are watched together: their members, what their detectors learned, and their open warnings.

Used by `watch`. Pure. Promises that a cell finds the same in the same readings as `firetower evaluate`, that a late
reading raises nothing by itself, and that a warning from before the live time is raised once the cell has caught up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol, Self

import orjson

from services.alerts.detectors import memory
from services.alerts.detectors.finding import EarlyWarning, Place, Reading
from services.alerts.detectors.fleet import Device, Fleet, split
from services.core.rules.catalog_early import Numbers
from services.core.rules.profile import DeviceProfile, RegistryRow
from services.core.words import Reason, Severity

FORMS: Final = {"hydrant": 8, "electrical": 3, "water": 2}  # of the memory by kind; with another the cell starts anew
HISTORY: Final = timedelta(days=30)  # the history that a cell without a memory reads
KINDS: Final = ("hydrant", "electrical", "water")
_ROWS: Final = 4000  # readings of one step, about
_LONGEST_STEP: Final = timedelta(days=2)
_LEAST_STEP: Final = timedelta(minutes=5)
_LEAST_SPAN: Final = timedelta(seconds=1)  # of a step whose readings are counted
_FORGETS: Final = 0.5  # how much a step of few readings takes from the rate that was seen
Key = tuple[str, str, str]  # device or nothing, group, code


class Row(Reading, Protocol):
    """A stored reading."""

    def __getitem__(self, name: str, /) -> Any: ...


class Member(NamedTuple):
    """A device of a cell: readings before `since` are from another device or place."""

    id: int
    profile: DeviceProfile
    place: Place | None
    since: datetime
    out_of_service_until: datetime | None = None

    @classmethod
    def of(cls, row: RegistryRow) -> Self:
        """Return the member that a row of `device` describes, with `since` beside it."""
        place = None if row["lon"] is None else Place(row["lon"], row["lat"])
        since = row["since"].astimezone(UTC)
        return cls(row["id"], DeviceProfile.of(row), place, since, row["out_of_service_until"])


def plan(members: Iterable[Member]) -> dict[str, list[Member]]:
    """Return the devices that are watched together, by name of the cell: hydrants of one network, others by area."""
    found: dict[str, list[Member]] = {}
    listed = list(members)
    for kind in KINDS:
        for group in split([member for member in listed if member.profile.kind == kind]):
            found[f"{kind}:{group[0].profile.code}"] = group
    return found


def fingerprint(members: Sequence[Member]) -> str:
    """Return a fingerprint that changes when a memory no longer fits: other devices, places or form."""
    described = [
        (m.profile.code, m.profile.area, m.profile.expected_interval_s, _plain(m.place), m.since.isoformat())
        for m in members
    ]
    return hashlib.sha256(orjson.dumps([FORMS[members[0].profile.kind], described])).hexdigest()


@dataclass(slots=True)
class Cell:
    """One cell. Readings up to `walked_until` were read; before `live_from` only warnings that still hold matter."""

    name: str
    members: Sequence[Member]
    numbers: Numbers
    walked_until: datetime
    live_from: datetime
    standing: dict[Key, EarlyWarning] = field(default_factory=dict)
    told: dict[Key, Severity] = field(default_factory=dict)  # which of them were raised, and as how bad
    ended: list[EarlyWarning] = field(default_factory=list)  # raised and ended since `courses` looked
    arrived: list[Row] = field(default_factory=list)  # what came after its time was walked, to be walked next
    ahead: dict[tuple[str, datetime, int], int] = field(default_factory=dict)  # walked, of batches `late` has not seen
    reconciled: bool = False  # whether what was told before it began was compared with what it finds
    fleet: Fleet = field(init=False)
    _by_code: dict[str, tuple[Member, timedelta]] = field(init=False)  # and since what age its readings are late
    _in_time: set[str] = field(default_factory=set)  # whose newest reading did not come late
    _newest_s: float = 0.0  # the time of the newest reading
    _seen_a_day: float = 0.0  # readings, by the last steps

    def __post_init__(self) -> None:
        self.meet(self.members)
        self.fleet = self._make_fleet()

    def meet(self, members: Sequence[Member]) -> None:
        """Update what may change about the same devices: when one is out of service."""
        self.members = members
        self._by_code = {member.profile.code: (member, member.profile.late_after) for member in members}

    @property
    def kind(self) -> str:
        """The kind of its devices."""
        return self.members[0].profile.kind

    @property
    def area(self) -> str:
        """The area of its first device."""
        return self.members[0].profile.area

    @property
    def caught_up(self) -> bool:
        """Whether it has read everything that was stored before it started."""
        return self.walked_until >= self.live_from

    @property
    def rows_a_day(self) -> float:
        """How many readings its devices send."""
        return sum(86_400 / member.profile.expected_interval_s for member in self.members)

    def step(self) -> timedelta:
        """How much time to read at once: less where devices send more often than they are registered for."""
        registered = max(_LEAST_STEP, timedelta(days=_ROWS / self.rows_a_day))
        seen = timedelta(days=_ROWS / self._seen_a_day) if self._seen_a_day > self.rows_a_day else registered
        return min(_LONGEST_STEP, registered, max(_LEAST_SPAN, seen))

    def note_rows(self, rows: int, span: timedelta) -> None:
        """Learn from the readings of a step how often its devices send."""
        seen = rows * timedelta(days=1) / max(span, _LEAST_SPAN)
        self._seen_a_day = max(seen, self._seen_a_day * _FORGETS)

    def take(self, row: Row) -> list[EarlyWarning]:
        """Take one reading; return the findings to raise. One that came after newer ones counts as new as those."""
        at, code = row["ts"], row["code"]
        member, late_after = self._by_code[code]
        until = member.out_of_service_until
        if until is not None and self.live_from < at <= until:  # the beginning of the time out of service is not known
            return []
        late = row["received_at"] - at > late_after
        (self._in_time.discard if late else self._in_time.add)(code)
        self._newest_s = at_s = max(self._newest_s, at.timestamp())
        return [
            warning
            for warning in self.fleet.take(code, at_s, row)
            if self._note(warning, tells=not late and at > self.live_from)
        ]

    def _note(self, warning: EarlyWarning, *, tells: bool) -> bool:
        key = key_of(warning)
        if not warning.active:
            self.standing.pop(key, None)
            was_told = self.told.pop(key, None) is not None
            if was_told:
                self.ended.append(warning)
            return was_told
        self.standing[key] = warning
        if tells:
            self.told[key] = warning.severity
        return tells

    def untold(self) -> list[EarlyWarning]:
        """Return open warnings not raised yet, or not as so bad, of devices whose newest reading is in time.

        They now count as raised.
        """
        if not self.caught_up:
            return []
        due = [
            warning
            for key, warning in self.standing.items()
            if (key not in self.told or self.told[key].rank < warning.severity.rank)
            and not self._in_time.isdisjoint(warning.members)
        ]
        self.told.update((key_of(warning), warning.severity) for warning in due)
        return due

    def retell(self, numbers: Numbers) -> None:
        """Go on with other numbers; what was learned stays, where it fits them."""
        if numbers == self.numbers:
            return
        learned = memory.dump(self.fleet)
        self.numbers = numbers
        self.fleet = self._make_fleet()
        memory.load(self.fleet, learned)

    def to_row(self) -> tuple[str, list[dict[str, Any]], bytes]:
        """Return (fingerprint, open warnings, memory)."""
        standing = [
            {
                **one._asdict(),
                "at": one.at.isoformat(),
                "severity": str(one.severity),
                "reason": _plain(one.reason),
                "place": _plain(one.place),
                "told": str(self.told.get(key, "")),
            }
            for key, one in self.standing.items()
        ]
        return fingerprint(self.members), standing, memory.dump(self.fleet)

    def recall(self, standing: Iterable[Mapping[str, Any]], learned: bytes) -> None:
        """Go on from a saved memory.

        Raises:
            ValueError: it is not the memory of such a cell.
        """
        memory.load(self.fleet, learned)
        try:
            for row in standing:
                told = row["told"]
                one = EarlyWarning(**{name: value for name, value in row.items() if name != "told"})
                one = one._replace(
                    at=datetime.fromisoformat(row["at"]).astimezone(UTC),
                    severity=Severity(row["severity"]),
                    reason=Reason(*row["reason"]),
                    members=tuple(row["members"]),
                    place=None if row["place"] is None else Place(*row["place"]),
                )
                self.standing[key_of(one)] = one
                if told:  # an older release saved that it was, not as how bad
                    self.told[key_of(one)] = one.severity if told is True else Severity(told)
        except (TypeError, KeyError) as error:
            raise ValueError(f"what stands cannot be read: {error!r}") from error

    def _make_fleet(self) -> Fleet:
        return Fleet([Device(member.profile, member.place) for member in self.members], self.numbers)


def _plain(value: tuple[object, ...] | None) -> list[object] | None:
    return None if value is None else list(value)


def key_of(warning: EarlyWarning) -> Key:
    """Return the unique key of a warning within a cell."""
    return warning.device or "", warning.group, warning.code
