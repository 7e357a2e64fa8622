"""One simulated device: who it is, its physics, its counters, and what a scenario is doing to it.

Called by the fleet. Promises: pure of I/O; the caller passes simulated time (physics) and wall time (`ts`).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from services.core.contracts import SEQ_MODULUS
from services.core.topics import ROOT, Kind
from simulators import electrical, hydrant, panel, water
from simulators.hydrant import Fields
from simulators.mains import county
from simulators.noise import Dice
from simulators.places import Place, code_of
from simulators.scenario import Change, Happens

CUT_OFF_LOSES = 0.25  # of the pressure behind a closed valve, by the end of the ramp
INTERVAL_S = {Kind.HYDRANT: 30.0, Kind.ELECTRICAL: 10.0, Kind.WATER: 60.0, Kind.PANEL: 60.0}
# What instruments resolve; GB and vendors' data sheets agree on 0.001 MPa for hydrants.
_DIGITS = {
    "pressure_mpa": 3, "flow_lps": 1, "water_temp_c": 1, "tilt_deg": 1, "battery_pct": 0, "rsrp_dbm": 0, "level_m": 3,
    "level_pct": 1, "residual_current_ma": 1, "power_factor": 3, "frequency_hz": 2, "energy_kwh": 2, "power_kw": 3,
    "battery_v": 2,
}  # fmt: skip


class Effect(NamedTuple):
    """What a scenario does to one device between two times."""

    changes: tuple[tuple[str, Change], ...]
    from_s: float
    ramp_s: float
    until_s: float
    mains: str = ""  # an event of the mains, which every hydrant feels as the twin says, or "cut_off"


@dataclass(slots=True)
class Twin:
    """A device with its past."""

    kind: Kind
    number: int
    place: Place
    interval_s: float
    dice: Dice
    traits: Any
    state: Any
    shift_c: float = 0.0
    seq: int = 0
    event_seq: int = 0
    boot: str = "0"
    clock_error_s: float = 0.0
    silent_until_s: float = 0.0
    effects: list[Effect] = field(default_factory=list)

    @property
    def code(self) -> str:
        """The device's name on MQTT."""
        return code_of(self.kind, self.number)

    @property
    def base(self) -> str:
        """The beginning that all its topics share."""
        return f"{ROOT}/{self.place.area}/{self.kind}/{self.code}"

    def read(self, at_s: float, wall_s: float) -> dict[str, Any]:
        """Measure at the simulated time `at_s`; `ts` is the wall clock."""
        fields = self._measure(at_s)
        if self.effects:
            self._apply(fields, at_s)
        self.seq = (self.seq + 1) % SEQ_MODULUS
        reading: dict[str, Any] = {"ts": self._stamp(wall_s), "seq": self.seq}
        for name, value in fields.items():
            reading[name] = round(value, _DIGITS.get(name, 1)) if isinstance(value, float) else value
        return reading

    def happen(self, at_s: float, wall_s: float) -> list[dict[str, Any]]:
        """Return the events of an ordinary life since the last call (panels only)."""
        if self.kind is not Kind.PANEL:
            return []
        self.state, happenings = panel.live_panel(self.traits, self.state, at_s, self.dice)
        return [self.make_event(wall_s, dict(happening)) for happening in happenings]

    def report(self, happens: Happens, wall_s: float) -> dict[str, Any]:
        """Return a scenario's event as this device would send it."""
        return self.make_event(wall_s, happens.model_dump(exclude_none=True, exclude_defaults=True))

    def make_event(self, wall_s: float, parts: dict[str, Any]) -> dict[str, Any]:
        """Return an event with this device's next number."""
        self.event_seq = (self.event_seq + 1) % SEQ_MODULUS
        event_id = f"{self.code}-{self.boot}-{self.event_seq}"
        return {"event_id": event_id, "ts": self._stamp(wall_s), "seq": self.event_seq, **parts}

    def _stamp(self, wall_s: float) -> int:
        return round((wall_s + self.clock_error_s) * 1000)

    def _measure(self, at_s: float) -> Fields:
        match self.kind:
            case Kind.HYDRANT:
                self.state, fields = hydrant.measure_hydrant(self.traits, self.state, at_s, self.dice, self.shift_c)
            case Kind.ELECTRICAL:
                self.state, fields = electrical.measure_circuit(self.traits, self.state, at_s, self.dice, self.shift_c)
            case Kind.WATER:
                self.state, fields = water.measure_basin(self.traits, self.state, at_s, self.dice, self.shift_c)
            case Kind.PANEL:
                fields = panel.measure_panel(self.traits, self.dice)
        return fields

    def _apply(self, fields: Fields, at_s: float) -> None:
        self.effects = [effect for effect in self.effects if at_s < effect.until_s]
        for effect in self.effects:
            if at_s < effect.from_s:
                continue
            part = 1.0 if effect.ramp_s <= 0 else min(1.0, (at_s - effect.from_s) / effect.ramp_s)
            if effect.mains and self.traits.stands is not None:
                fields["pressure_mpa"] = self._feel(effect, float(fields["pressure_mpa"]), part, at_s)
            for name, change in effect.changes:
                normal = fields.get(name)
                if normal is None:
                    continue
                fields[name] = change_value(normal, change, part)

    def _feel(self, effect: Effect, normal_mpa: float, part: float, at_s: float) -> float:
        """Return the pressure that is left of what would have been measured."""
        mains, stands = county.mains(), self.traits.stands
        if effect.mains != "cut_off":
            return max(0.0, normal_mpa - part * mains.loss_mpa(effect.mains, stands, at_s))
        # behind a closed valve the barrel keeps its pressure and loses it slowly, whatever the mains do
        kept_mpa = mains.pressure_mpa(stands, effect.from_s) * (1 - CUT_OFF_LOSES * part)
        return max(0.0, kept_mpa + normal_mpa - mains.pressure_mpa(stands, at_s))


def change_value(normal: float | bool, change: Change, part: float) -> float | bool:
    """Return `normal` moved by `part` of the change; a switch moves with the first step."""
    if isinstance(normal, bool) or isinstance(change.to, bool):
        return bool(change.to)
    moved = normal + part * ((change.to - normal) if change.to is not None else (change.add or 0.0))
    return round(moved) if isinstance(normal, int) else float(moved)


def make_twin(
    kind: Kind, number: int, *, place: Place, seed: int, at_s: float, interval_s: float | None = None
) -> Twin:
    """Build device `number` of a kind; the same seed gives the same device."""
    dice = Dice(seed, kind, number)
    traits: Any
    state: Any
    match kind:
        case Kind.HYDRANT:
            traits, state = hydrant.make_hydrant(place.area, dice, number), hydrant.start_hydrant(at_s, dice)
        case Kind.ELECTRICAL:
            traits, state = electrical.make_circuit(dice), electrical.start_circuit(at_s, dice)
        case Kind.WATER:
            traits = water.make_basin(number, dice)
            state = water.start_basin(traits, at_s, dice)
        case Kind.PANEL:
            traits, state = panel.make_panel(dice), panel.start_panel(at_s)
    return Twin(kind, number, place, interval_s or INTERVAL_S[kind], dice, traits, state)


def encode(body: dict[str, Any] | list[dict[str, Any]]) -> bytes:
    """Return a payload."""
    return orjson.dumps(body)
