"""Scenarios as data: a TOML file of steps that change fields, silence devices or raise events at set times.

Read by the fleet. Promises: a file that cannot be played is refused with the place and the cure; times are simulated
seconds from the start.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.core.contracts import READING_FIELDS
from services.core.errors import FiretowerError
from services.core.topics import Kind

SHIPPED = Path(__file__).with_name("scenarios")

Seconds = Annotated[float, Field(ge=0, le=30 * 86_400)]
Moment = Annotated[float, Field(ge=-30 * 86_400, le=30 * 86_400)]  # before 0: it began before the fleet did
Share = Annotated[float, Field(ge=0, le=1)]


class BadScenario(FiretowerError):
    """A scenario file cannot be played."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Part):
    """Which devices a step is for: numbers of a kind, or a share of an area."""

    kind: Kind | None = None
    numbers: tuple[Annotated[int, Field(ge=1)], ...] = ()
    area: Annotated[str, Field(pattern=r"^[0-9]{6,12}$")] | None = None
    share: Share = 1.0

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if self.numbers and self.kind is None:
            raise ValueError("numbers need a kind, for example {kind = 'panel', numbers = [1]}")
        if not self.numbers and self.area is None and self.kind is None:
            raise ValueError("name a kind, numbers or an area")
        return self


class Change(_Part):
    """What happens to a field: `to` a value, or `add` to what would have been measured."""

    to: float | bool | None = None
    add: float | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.to is None) == (self.add is None):
            raise ValueError("give either `to` or `add`")
        return self


class Happens(_Part):
    """An event as the device reports it; time, sequence and id are the device's."""

    type: Annotated[str, Field(min_length=1, max_length=100)]
    active: bool = True
    component: Annotated[str, Field(max_length=200)] = ""
    zone: Annotated[str, Field(max_length=200)] = ""
    system_type: Annotated[int, Field(ge=0, le=255)] | None = None
    component_type: Annotated[int, Field(ge=0, le=255)] | None = None
    description: Annotated[str, Field(max_length=2000)] = ""


class Step(_Part):
    """One thing that happens at `at_s` to the devices `on`."""

    at_s: Moment
    on: Target
    note: str = ""
    change: dict[str, Change] = Field(default_factory=dict)
    mains: Literal["burst", "leak", "cut_off"] | None = None  # what a hydrant feels of it, the twin of the mains says
    ramp_s: Seconds = 0  # from what would have been measured to the full change
    for_s: Seconds | None = None  # None: until the scenario ends
    spread_s: Seconds = 0  # devices of one step start up to this much later, each at its own time
    silent_for_s: Seconds | None = None
    event: Happens | None = None
    test_window_min: Annotated[float, Field(gt=0, le=480)] | None = None  # announced through the API, if there is one

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        acts = (self.change, self.mains, self.silent_for_s is not None, self.event, self.test_window_min)
        if not any(acts):
            raise ValueError("a step needs `change`, `mains`, `silent_for_s`, `event` or `test_window_min`")
        if self.mains and self.on.kind is not Kind.HYDRANT:
            raise ValueError("mains need hydrants: on = { kind = 'hydrant' }")
        kinds = [self.on.kind] if self.on.kind else list(Kind)
        for name in self.change:
            if not any(name in READING_FIELDS[kind] for kind in kinds):
                raise ValueError(
                    f"no {'/'.join(kinds)} has a field {name}; fields: {', '.join(READING_FIELDS[kinds[0]])}"
                )
        return self


class FaultRates(_Part):
    """How often the transport and the devices misbehave; probabilities are per message."""

    drop: Share = 0.0
    delay: Share = 0.0
    delay_s: Seconds = 30.0
    duplicate: Share = 0.0
    reorder: Share = 0.0
    clock_error: Share = 0.0  # share of devices
    unit_mixup: Share = 0.0  # kPa for MPa
    malformed: Share = 0.0
    outage: Share = 0.0  # a device stops reporting for outage_s, stores, and sends a burst
    outage_s: Seconds = 60.0
    flood: Share = 0.0  # a device repeats itself flood_messages times, new seq each
    flood_messages: Annotated[int, Field(ge=1, le=100_000)] = 200


class Scenario(_Part):
    """A whole file."""

    title: str = "an ordinary day"
    title_zh: str = "平常的一天"
    about: str = ""
    repeat_s: Annotated[float, Field(gt=0)] | None = None
    past_days: Annotated[int, Field(ge=1, le=30)] = 16  # what a new demo remembers; detectors learn for 14
    air_shift_c: Annotated[float, Field(ge=-60, le=60)] = 0.0
    needs: dict[Kind, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    intervals_s: dict[Kind, Annotated[float, Field(ge=0.05, le=86_400)]] = Field(default_factory=dict)
    faults: FaultRates = FaultRates()
    step: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _fits_its_round(self) -> Self:
        last = max((step.at_s for step in self.step), default=0.0)
        if self.repeat_s is not None and last >= self.repeat_s:
            raise ValueError(f"a step at {last:g} s lies outside repeat_s = {self.repeat_s:g}")
        return self


def find_scenario(name: Path) -> Path:
    """Return the file itself, or the shipped scenario of that name.

    Raises:
        BadScenario: there is neither; the message lists the shipped ones.
    """
    for candidate in (name, SHIPPED / name.name, SHIPPED / f"{name.name}.toml"):
        if candidate.is_file():
            return candidate
    shipped = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.toml")))
    raise BadScenario(f"--scenario {name}: no such file; shipped scenarios: {shipped}")


def read_scenario(path: Path) -> Scenario:
    """Read one file.

    Raises:
        BadScenario: it is not TOML or not a scenario; the message names the place.
    """
    try:
        return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadScenario(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadScenario(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from None
