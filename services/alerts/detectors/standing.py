"""When a quantity above what load explains becomes an early warning, how severe, and when it is over.

Used by the wiring detector for each code of a circuit. Source of the numbers: the catalogue. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from services.alerts.detectors.course import Course
from services.alerts.detectors.finding import EarlyWarning, Place, tell_since
from services.core.rules.catalog_early import EARLY
from services.core.words import Reason, Severity

_CALM_S: Final = 6 * 3600
_LONGEST_S: Final = 6 * 3600  # between two slots: of a longer silence nothing is learned, and it calms nothing
_HITS: Final = 3  # slots in a row
_UNITS: Final = {"insulation_ageing": "mA", "joint_heating": "°C"}
_NEVER: Final = 2.0  # a share that is never reached
_EXCESS: Final = {
    "mA": ("平滑超出", "smoothed excess"),
    "°C": ("近一天折算到最高负荷的超出（K）", "excess of the last day at its highest load (K)"),
}


class Quantity(Protocol):
    """What is judged: `above` and `spread` in one unit, `trend_h` in that unit per hour."""

    days: float
    expected: float
    above: float
    spread: float
    outlier_share: float

    @property
    def trend_h(self) -> float:
        """How fast it grows."""
        ...

    def take(self, causes: tuple[float, ...], value: float, passed_s: int) -> None:
        """Take one slot, `passed_s` after the one before."""
        ...


class Standing:
    """One code of one circuit."""

    MEMORY: Final = ("quantity", "_ended_s", "_severity", "_calm_s", "_hits")

    def __init__(
        self,
        code: str,
        quantity: Quantity,
        slots_a_day: int,
        where: tuple[str, str, Place | None],
        numbers: Mapping[str, float],
    ) -> None:
        self.code, self._unit, self._where = code, _UNITS[code], where
        self.quantity = quantity
        self._sigmas = numbers["sigmas"]
        electric = self._unit == "mA"
        self._least = numbers["least_ma" if electric else "least_k"]
        self._legal = numbers["legal_ma" if electric else "legal_c"]
        self._outlier_share = numbers.get("outlier_share", _NEVER)
        self._ahead_h = numbers["ahead_h"]
        self._learn_days = numbers["learn_days"]
        self._ended_s: int | None = None
        self._slot_s = 86_400 // slots_a_day
        self.course = Course(self._slot_s)
        self._severity: Severity | None = None
        self._calm_s = 0
        self._hits = 0

    def take(self, causes: tuple[float, ...], value: float, ended_s: int, found: list[EarlyWarning]) -> None:
        """Take one slot and add its verdicts to `found`."""
        quantity, before_s = self.quantity, self._ended_s
        passed_s = self._slot_s
        if before_s is not None and ended_s - before_s != passed_s:  # None is the first
            passed_s = min(ended_s - before_s, _LONGEST_S)
        self._ended_s = ended_s
        quantity.take(causes, value, passed_s)
        if quantity.days < self._learn_days:
            return
        above, spread = quantity.above, quantity.spread
        self.course.note(ended_s, quantity.expected, spread)
        limit, least = self._sigmas * spread, self._least
        often = quantity.outlier_share > self._outlier_share
        if often or (above > limit and above > least):
            self._hits += 1
        else:
            self._hits = 0
            if self._severity is None:
                return
        limit = max(limit, least)
        standing = self._severity
        if standing is not None:
            calm = above < limit / 2 and not often
            self._calm_s = self._calm_s + passed_s if calm else 0
        if self._hits >= _HITS:
            reaches = above > limit and value + max(0.0, quantity.trend_h) * self._ahead_h >= self._legal
            severity = Severity.MAJOR if reaches else EARLY[self.code].severity
            if standing is None or severity.rank > standing.rank:
                self._severity, self._calm_s = severity, 0
                found.append(self._say(ended_s, severity, value, often=often))
        elif standing is not None and self._calm_s >= _CALM_S:
            self._severity = None
            found.append(self._say(ended_s, standing, value, often=False, active=False))

    def _say(self, ended_s: int, severity: Severity, value: float, *, often: bool, active: bool = True) -> EarlyWarning:
        quantity, unit, code = self.quantity, self._unit, self.code
        certain = quantity.above > 2 * self._sigmas * quantity.spread
        sure = "high" if certain else "fair"
        at = datetime.fromtimestamp(ended_s, UTC)
        end = tell_since(at, sure)
        if not active:
            reason = Reason(f"{EARLY[code].zh}：已回到预期", f"{code.replace('_', ' ')}: back to what load explains")
        elif often:
            reason = Reason(
                f"间歇性超出：一天内 {quantity.outlier_share:.0%} 的时段远高于负荷所能解释{end.zh}",
                f"intermittent: {quantity.outlier_share:.0%} of a day far above what load explains{end.en}",
            )
        else:
            excess, excess_en = _EXCESS[unit]
            reason = Reason(
                f"按负荷预期 {quantity.expected:.1f} {unit}，实测 {value:.1f} {unit}，"
                f"{excess} {quantity.above:.1f}{end.zh}",
                f"{quantity.expected:.1f} {unit} expected for its load, {value:.1f} {unit} seen, "
                f"{excess_en} {quantity.above:.1f}{end.en}",
            )
        area, device, place = self._where
        said = EarlyWarning(code, at, severity, area, reason, active, device, (device,), place, unit=unit)
        return said._replace(expected=round(quantity.expected, 2), seen=round(value, 2), sure=sure) if active else said
