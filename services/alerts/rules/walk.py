"""One device's rules walking its readings in (ts, seq) order, message by message as they came.

Held by `rule_states`, one per device; fed every stored reading once, in any order.
Promises findings only at the device's newest reading and only when that one is not late (contract 8).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.alerts.rules.clock import ClockWatch
from services.alerts.rules.electrical import ElectricalRules
from services.alerts.rules.hydrant import HydrantRules
from services.alerts.rules.kind import OFF, KindRules
from services.alerts.rules.model import Reading
from services.alerts.rules.panel import PanelRules
from services.alerts.rules.water import WaterRules
from services.core.alarms.life.happenings import Finding
from services.core.clock import CLOCK_SET_BACK
from services.core.rules.parameters import DEFAULTS, Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason, Severity

_KINDS: Final[Mapping[str, type[KindRules]]] = {
    "hydrant": HydrantRules,
    "electrical": ElectricalRules,
    "water": WaterRules,
    "panel": PanelRules,
}
_LATCHES: Final = sorted({(rules.code_of(name), name) for rules in _KINDS.values() for name in rules.codes})
JUDGED: Final = {code: [name for of, name in _LATCHES if of == code] for code, _ in _LATCHES}
"""The codes of alarms that readings both raise and end, each with what raises it."""

_RECENT: Final = 4
"""Readings kept to be counted again when one comes late between them: one more than any default count."""

_FORM: Final = 1
"""The form of the saved state; another form starts fresh."""

CLOCK_BEHIND: Final = "clock_behind"
"""The cause of `clock_wrong` that ends as soon as the clock is right; the others take a day."""

_OTHER_KIND: Final = Reason("设备种类已更正，不再按原种类判断", "it is a device of another kind")
_FINE_FOR_A_DAY: Final = Reason("已有一天时钟正常", "a day without a wrong clock")

_Key = tuple[datetime, int]


class _Walked(NamedTuple):
    key: _Key
    live: bool
    reading: Reading


class DeviceRules:
    """All reading rules of one device with their state.

    A reading that comes late between the last few is put in its place and these are counted again; an older
    one only feeds what looks further back. A time ahead of the receive time counts as the receive time
    (contract 5), and so does that of a clock which ingest found to be behind by a constant.
    """

    __slots__ = ("_clock", "_clock_on", "_late_after", "_left", "_recent", "_rules", "device", "parameters")

    def __init__(self, device: DeviceProfile, parameters: Parameters = DEFAULTS) -> None:
        self.device = device
        self.parameters = parameters
        self._late_after = device.late_after
        self._rules = _KINDS[device.kind](device, parameters)
        clock = parameters["clock_wrong"]
        self._clock = ClockWatch(clock["count"], clock["skew_h"], clock["within_h"])
        self._clock_on = clock["enabled"] != 0
        self._recent: list[_Walked] = []
        self._left: tuple[tuple[str, str], ...] = ()  # codes and causes that stand of another kind

    def walk(self, readings: Sequence[Reading]) -> list[Finding]:
        """Feed readings; return what began, grew worse or ended. A standing condition is not repeated.

        Give the readings of one batch together, in any order. A reading met before changes nothing. Of the readings
        that one message brought only the newest turns a condition; those before it are counted. What comes in a later
        message is judged after it, however old: whether a reading is the newest shows when it comes.
        """
        found: list[Finding] = []
        if len(readings) == 1:
            self._walk_on(readings[0], found, passed=False)
            return found
        keys = [(reading["received_at"], *_order(reading)) for reading in readings]
        places = sorted(range(len(keys)), key=keys.__getitem__)
        newest = {keys[place][0]: keys[place] for place in places}
        for place in places:
            self._walk_on(readings[place], found, passed=newest[keys[place][0]] != keys[place])
        return found

    def note_time(self, now: datetime) -> None:
        """Forget the order of the last readings if they lie ahead of `now`.

        A reading never counts as later than it was received: our own clock was set back since. What comes now would
        be late beside them, and raise nothing until the clock has passed them.
        """
        if self._recent and self._recent[-1].key[0] > now + CLOCK_SET_BACK:
            self._rules.restart_counts(min(now, self._recent[0].key[0]))
            self._recent = []

    def _walk_on(self, reading: Reading, found: list[Finding], *, passed: bool) -> None:
        """Take one reading; `passed`: its message brought a newer one, too."""
        received_at, ts, behind = reading["received_at"], reading["ts"], reading.get("clock_behind")
        if behind or ts > received_at:
            ts = received_at
        clock, age = self._clock, received_at - ts
        if behind:
            self._note_behind(reading, found)
        elif age <= clock.skew:
            clock.note_fine()
        elif not passed:
            self._watch_clock(ts, received_at, found)
        key, live, recent = (ts, reading["seq"]), age <= self._late_after, self._recent
        walked = _Walked(key, live, reading)
        if recent and key <= recent[-1].key:
            self._walk_back(walked, found, passed=passed)
            return
        if live and not behind and clock.note_right():
            found.append(self._behind_over(received_at, Reason("设备时钟恢复正常", "its clock is right again")))
        recent.append(walked)
        if len(recent) > _RECENT:
            del recent[0]
        rules = self._rules
        if live:
            rules.feed_each(reading, ts, found)
        rules.feed(reading, ts, found, live=live and not passed)

    def agree(self, standing: Mapping[str, str]) -> None:
        """Take over what stands by the device's alarms: each cause with the severity of its alarm.

        Readings that are counted again at a start were judged by the numbers of their time, and what was found then is
        in the ledger. The next reading raises what now holds, and ends what is over. Of what another kind left behind
        the alarm says nothing about this one.
        """
        self._rules.agree(standing, except_for={cause for _, cause in self._left})

    def tick(self, now: datetime) -> list[Finding]:
        """End what time alone ends (a followed pressure drop, a wrong clock) and what is watched no longer.

        Cheap; once a minute is enough.
        """
        found: list[Finding] = []
        self._rules.tick(now, found)
        self._rules.end_what_is_off(now, found)
        for code, cause in self._left:
            if not self._rules.stands(cause):  # found anew by this kind's rules: the same alarm goes on
                found.append(self._rules.finding(code, now, _OTHER_KIND, None, None, active=False, cause=cause))
        self._left = ()
        why = _FINE_FOR_A_DAY if self._clock_on else OFF
        if self._clock.end(now, at_once=not self._clock_on):
            found.append(self._clock_finding(now, why, active=False))
        if self._clock.end_behind(now, at_once=not self._clock_on):
            found.append(self._behind_over(now, why))
        return found

    def note_bad_clock(self, at: datetime) -> list[Finding]:
        """Count an implausible clock (a `clock_implausible` reject or a flagged event) received at `at`."""
        return self._count_bad(at, began=self._clock.note_bad(at)) if self._clock_on else []

    def forget(self, code: str) -> None:
        """A person cleared the alarm of `code`: the next readings may raise it anew."""
        if code == "clock_wrong":
            self._clock.forget()
        self._rules.forget(code)

    def forget_all(self) -> None:
        """The device was reset: what it measures is over until readings show it again."""
        for code in (*self._rules.codes, "power_fault", "link_fault"):
            self._rules.forget(code)

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value, to be kept across restarts."""
        return {
            "form": _FORM,
            "kind": self.device.kind,
            "rules": self._rules.to_json(),
            "clock": self._clock.to_json(),
            "left": self._left,
            "recent": [
                [walked.key[0].isoformat(), walked.key[1], walked.live, self._values(walked.reading)]
                for walked in self._recent
            ],
        }

    @classmethod
    def from_json(cls, device: DeviceProfile, parameters: Parameters, saved: Mapping[str, Any]) -> DeviceRules:
        """Return the rules as they were; a state of another form or kind starts fresh.

        What stands of another kind ends at the next `tick`: no reading is judged by that kind's rules any more.
        """
        made = cls(device, parameters)
        if saved.get("form") != _FORM:
            return made
        made._left = tuple((code, cause) for code, cause in saved.get("left", ()))
        made._clock.load(saved["clock"])  # the device's, whatever kind it is
        if saved.get("kind") != device.kind:
            made._left += _standing(saved)
            return made
        made._rules.load(saved["rules"])
        made._recent = [
            _Walked((datetime.fromisoformat(ts), seq), live, values) for ts, seq, live, values in saved["recent"]
        ]
        return made

    def _walk_back(self, walked: _Walked, found: list[Finding], *, passed: bool) -> None:
        """Put a reading that came late into its place among the last ones and count them again.

        `passed`: its message brought a newer one, too, which will say how things stand.
        """
        recent = self._recent
        place = bisect_left(recent, walked.key, key=_key)
        if recent[place].key == walked.key:
            return
        if walked.live:
            self._rules.feed_each(walked.reading, walked.key[0], found)
        self._rules.feed_past(walked.reading, walked.key[0])
        if place == 0 and len(recent) == _RECENT:
            return
        recent.insert(place, walked)
        if len(recent) > _RECENT:
            del recent[0]
        self._rules.restart_counts(recent[0].key[0])
        last = None if passed else len(recent) - 1
        for number, again in enumerate(recent):
            self._rules.feed(again.reading, again.key[0], found, live=again.live and number == last)

    def _watch_clock(self, ts: datetime, received_at: datetime, found: list[Finding]) -> None:
        if self._clock_on and not self.device.sleepy:
            found += self._count_bad(received_at, began=self._clock.note_old(ts, received_at))

    def _note_behind(self, reading: Reading, found: list[Finding]) -> None:
        """Take a reading of a clock that is behind by a constant: that is wrong, however little it is."""
        at = reading["received_at"]
        if not self._clock_on or not self._clock.note_behind(at):
            return
        behind = at - reading["ts"]
        minutes = behind.total_seconds() / 60
        reason = Reason(
            f"设备时钟慢 {minutes:.0f} 分钟，读数按接收时间判断，请校时",
            f"its clock is {minutes:.0f} min behind; judged by the receive time; set its clock",
        )
        self._clock.note_fine()  # what is compared over an hour is known already
        found.append(
            self._rules.finding(
                "clock_wrong", at, reason, round(minutes, 1), None, severity=Severity.MINOR, cause=CLOCK_BEHIND
            )
        )

    def _behind_over(self, at: datetime, reason: Reason) -> Finding:
        return self._rules.finding("clock_wrong", at, reason, None, None, active=False, cause=CLOCK_BEHIND)

    def _count_bad(self, at: datetime, *, began: bool) -> list[Finding]:
        if not began:
            return []
        count = self.parameters["clock_wrong"]["count"]
        reason = Reason(
            f"一天内 {count:g} 次设备时间不可信，请校时", f"{count:g} wrong device times within a day; set its clock"
        )
        return [self._clock_finding(at, reason, active=True)]

    def _clock_finding(self, at: datetime, reason: Reason, *, active: bool) -> Finding:
        return self._rules.finding("clock_wrong", at, reason, None, None, active=active)

    def _values(self, reading: Reading) -> dict[str, Any]:
        """Return the fields that rules read, for JSON."""
        return {name: value for name in self._rules.fields if (value := reading.get(name)) is not None}


def _standing(saved: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return codes and causes of what stands in a saved state."""
    rules, latches = _KINDS.get(saved["kind"]), saved["rules"]
    if rules is None:
        return ()
    return tuple((rules.code_of(name), name) for name in rules.codes if name in latches and latches[name][0])


def _judged_at(reading: Reading) -> datetime:
    """Return the time a reading is judged by: the device's, ours where that lies ahead or is behind by a constant."""
    received_at: datetime = reading["received_at"]
    return received_at if reading.get("clock_behind") else min(reading["ts"], received_at)


def _order(reading: Reading) -> _Key:
    return (_judged_at(reading), reading["seq"])


def _key(walked: _Walked) -> _Key:
    return walked.key
