"""Whether the instruments of basins and circuits can be trusted: noise that stands still, spikes that no thing makes.

Source: our own; docs/detection.md has the reasoning. A false flag is worse than none, so only a sensor is judged whose
own noise has shown all the time for `learn_days`: several times its resolution, to and fro, without a rest. One that
ever was quieter, or rests at the end of its range, is never called stuck; where jumps are its habit, none is a spike.
Used by `fleet`. Cost: half a microsecond a field. Cold start: `learn_days`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from services.alerts.detectors.finding import EarlyWarning, Place, Reading, tell_since
from services.core.rules.catalog_early import EARLY, NUMBERS, Numbers
from services.core.words import Reason, county_time

_CODE: Final = "sensor_fault"
_DAY_S: Final = 86_400.0
_SILENT_S: Final = 3600.0  # what a silence counts at most of the time that a value stands
_TIMES: Final = 12.0  # as long as it ever went without turning back
_TURNS: Final = 200  # fewer say little of a sensor
_TURN_SHARE: Final = 0.3  # of its steps: noise turns at two of three, a pump that fills and empties a basin hardly ever
_NOISE_STEPS: Final = 2.0  # of the smallest: less noise is none where the value lies between two of them
_REPEATS: Final = 6
_QUICK_S: Final = 600.0  # between the readings about a spike: over a longer time a tank is emptied and filled
_BACK: Final = 0.25  # of the jump: nearer to the value before it, it came back
_OWN: Final = 2.0  # times the largest step that it ever made: such jumps are how it is
_MORE: Final = 4  # spikes that are remembered beyond those that flag: a gauge that jumps all the time would fill memory
_CALM_S: Final = 90 * 60.0  # as of hydrants


class Field(NamedTuple):
    """A measured field: `most` is a jump to and fro that no thing makes within minutes, None: everything jumps.

    Within `lively_s` its noise turns back, always: day and night are slower, and so is a load that comes and goes.
    """

    name: str
    zh: str
    en: str
    unit: str
    digits: int
    most: float | None
    lively_s: float = 3600.0


# A basin of a fire pump (GB 50974-2014: 50 m3 and more) does not lose and regain a metre within 20 minutes, nor a cable
# 30 K. Residual current does: motors start.
_WATER: Final = (Field("level_m", "水位", "level", " m", 3, 1.0), Field("level_pct", "水位", "level", " %", 1, 50.0))
_WARM_S: Final = 4 * 3600.0  # a cable warms for hours, faster than noise turns back
_ELECTRICAL: Final = (
    Field("residual_current_ma", "剩余电流", "residual current", " mA", 1, None),
    Field("temp_a_c", "A 相温度", "temperature of phase A", " °C", 1, 30.0, _WARM_S),
    Field("temp_b_c", "B 相温度", "temperature of phase B", " °C", 1, 30.0, _WARM_S),
    Field("temp_c_c", "C 相温度", "temperature of phase C", " °C", 1, 30.0, _WARM_S),
    Field("temp_n_c", "N 线温度", "temperature of the neutral", " °C", 1, 30.0, _WARM_S),
)
FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {"water": _WATER, "electrical": _ELECTRICAL}


class Gauge:
    """One field of one device; times are seconds since 1970."""

    MEMORY: Final = (
        "first_s",
        "seen_s",
        "since_s",
        "stood_s",
        "value",
        "repeats",
        "rose",
        "turns",
        "steps",
        "moved",
        "smallest",
        "turned_s",
        "longest_s",
        "lowest",
        "highest",
        "largest",
        "jumped_from",
        "spikes_s",
        "stuck",
    )
    __slots__ = MEMORY

    def __init__(self) -> None:
        self.first_s = self.seen_s = self.since_s = 0.0  # the first reading, the last, the first of this value
        self.stood_s = 0.0  # how long the value stands, silences bounded
        self.value: float | None = None
        self.lowest = self.highest = 0.0
        self.repeats = 0
        self.rose = False
        self.turns = 0  # how often it turned back
        self.steps, self.moved, self.smallest = 0, 0.0, 0.0  # how often it moved, by how much in all, and the least
        self.turned_s = 0.0  # for how long it has not, silences bounded
        self.longest_s = 0.0  # the longest that it ever did not
        self.largest = 0.0  # its largest step
        self.jumped_from: float | None = None  # the value before a jump that may be a spike
        self.spikes_s: list[float] = []  # the newest of the last day, `_MORE` above what is flagged at most
        self.stuck = False

    def take(self, at_s: float, value: float, field: Field, numbers: Mapping[str, float]) -> None:
        """Take a reading in order of time."""
        last, passed_s = self.value, at_s - self.seen_s
        self.seen_s = at_s
        if value == last:
            self._stand(passed_s, field, numbers)
            return
        if last is None:
            self.first_s, self.lowest, self.highest = at_s, value, value
        else:
            step = value - last
            size, most = (-step if step < 0 else step), field.most
            jumps = most is not None and (size > most or self.jumped_from is not None)
            if not jumps or not self._jump(at_s, last, value, passed_s, numbers):
                self._move(step, size, value, passed_s)
        self.value, self.since_s, self.stood_s, self.repeats = value, at_s, 0.0, 0
        self.stuck = False

    def _stand(self, passed_s: float, field: Field, numbers: Mapping[str, float]) -> None:
        """Take the value of before once more."""
        self.repeats += 1
        self.stood_s += min(_SILENT_S, passed_s)
        self.turned_s = self.turned_s + passed_s if passed_s <= _SILENT_S else 0.0
        if self.jumped_from is not None and self.value is not None:  # it stays there: that is how it moves
            self.largest = max(self.largest, abs(self.value - self.jumped_from))
            self.jumped_from = None
        if not self.stuck and self.stood_s >= numbers["stuck_h"] * 3600:
            self.stuck = self._is_stuck(field.lively_s, numbers["learn_days"] * _DAY_S)

    def _move(self, step: float, size: float, value: float, passed_s: float) -> None:
        """Learn from a step to another value."""
        self.largest = max(self.largest, size)
        if value < self.lowest:
            self.lowest = value
        elif value > self.highest:
            self.highest = value
        if self.stuck or passed_s > _SILENT_S:  # nobody knows how it would have moved
            self.turned_s = 0.0
            return
        self.turned_s += passed_s
        self.steps += 1
        self.moved += size
        if size < self.smallest or self.steps == 1:
            self.smallest = size
        if (step > 0) != self.rose:
            self.rose = step > 0
            self.turns += 1
            self.longest_s = max(self.longest_s, self.turned_s)
            self.turned_s = 0.0

    def _jump(self, at_s: float, last: float, value: float, passed_s: float, numbers: Mapping[str, float]) -> bool:
        """Take a step that is one of a spike, perhaps; return whether nothing is to be learned from it."""
        before, self.jumped_from = self.jumped_from, None
        quick = passed_s <= _QUICK_S
        if before is None:
            if quick and abs(value - last) > _OWN * self.largest:
                self.jumped_from = last  # what it is shows with the next reading
                return True
            return False
        jump = abs(last - before)
        if quick and abs(value - before) <= _BACK * jump and at_s - self.first_s >= numbers["learn_days"] * _DAY_S:
            newest = self.spikes_s[-int(numbers["spikes"]) - _MORE + 1 :]
            self.spikes_s = [one for one in newest if at_s - one < _DAY_S] + [at_s]
            return True
        self.largest = max(self.largest, jump)  # it stayed there, or nothing is known yet: that is how it moves
        return False

    def _is_stuck(self, lively_s: float, learn_s: float) -> bool:
        """Whether a value that stands for hours is none that this sensor can have measured for so long."""
        return (
            self.repeats >= _REPEATS
            and self.since_s - self.first_s >= learn_s
            and self.turns >= max(_TURNS, _TURN_SHARE * self.steps)
            and self.moved >= _NOISE_STEPS * self.smallest * self.steps
            and self.longest_s <= lively_s
            and self.stood_s >= _TIMES * self.longest_s
            and self.value is not None
            and self.lowest < self.value < self.highest
        )

    def spiking(self, at_s: float, numbers: Mapping[str, float]) -> bool:
        """Whether it had so many spikes within the day before."""
        return bool(self.spikes_s) and self.spikes(at_s) >= numbers["spikes"]

    def spikes(self, at_s: float) -> int:
        """Return how many spikes of the day before are known: the newest ones."""
        return sum(at_s - one < _DAY_S for one in self.spikes_s)


class Gauges:
    """The fields of one device, and whether its flag stands."""

    MEMORY: Final = ("_gauges", "_standing", "_faulty_s")

    def __init__(self, kind: str, code: str, area: str, place: Place | None, numbers: Numbers = NUMBERS) -> None:
        self._code, self._area, self._place = code, area, place
        self._numbers = numbers[_CODE]
        self._gauges = [Gauge() for _ in FIELDS[kind]]  # filled where they stand by what was remembered
        self._each = tuple(zip(FIELDS[kind], self._gauges, strict=True))
        self._standing = False
        self._faulty_s = 0.0  # when it last was wrong

    def take(self, at_s: float, reading: Reading) -> list[EarlyWarning]:
        """Take one reading in order of time."""
        get, numbers = reading.get, self._numbers
        suspect: tuple[Field, Gauge] | None = None
        for field, gauge in self._each:
            value = get(field.name)
            if value is not None:
                gauge.take(at_s, value, field, numbers)
            if gauge.stuck or gauge.spikes_s:
                if at_s - gauge.seen_s > _DAY_S:  # no longer sent
                    gauge.stuck, gauge.spikes_s = False, []
                elif suspect is None and (gauge.stuck or gauge.spiking(at_s, numbers)):
                    suspect = field, gauge
        if suspect is not None:
            self._faulty_s = at_s
            if not self._standing:
                self._standing = True
                return [self._raise(at_s, *suspect)]
        elif self._standing and at_s - self._faulty_s >= _CALM_S:
            self._standing = False
            return [self._say(at_s, Reason(f"{EARLY[_CODE].zh}：已恢复", "sensor fault: over"), active=False)]
        return []

    def _raise(self, at_s: float, field: Field, gauge: Gauge) -> EarlyWarning:
        zh, unit = EARLY[_CODE].zh, field.unit
        if gauge.stuck:
            value = gauge.value or 0.0
            seen, end = f"{value:.{field.digits}f}{unit}", tell_since(_at(gauge.since_s), "high")
            reason = Reason(
                f"{zh}：预期{field.zh}读数有波动，实测一直为 {seen}{end.zh}",
                f"sensor fault: values of {field.en} that vary expected, always {seen} seen{end.en}",
            )
            said = self._say(at_s, reason, active=True)
            return said._replace(seen=round(float(value), 4), unit=unit.strip(), sure="high")
        most, until, end = int(self._numbers["spikes"]) - 1, county_time(_at(at_s)), tell_since(_at(at_s), "high")
        spikes = gauge.spikes(at_s)
        all_known = spikes <= most + _MORE
        reason = Reason(
            f"{zh}：{until.zh} 前一天内{field.zh}出现{'' if all_known else '不少于'} {spikes} 次单个读数突跳，"
            f"预期不多于 {most} 次{end.zh}",
            f"sensor fault: no more than {most} one-sample spikes of {field.en} a day expected, "
            f"{'' if all_known else 'at least '}{spikes} seen in the day before {until.en}{end.en}",
        )
        return self._say(at_s, reason, active=True)._replace(unit=unit.strip(), sure="high")

    def _say(self, at_s: float, reason: Reason, *, active: bool) -> EarlyWarning:
        severity = EARLY[_CODE].severity
        return EarlyWarning(
            _CODE, _at(at_s), severity, self._area, reason, active, self._code, (self._code,), self._place
        )


def _at(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
