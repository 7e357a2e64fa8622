"""The policies by name: defaults as data, overridden by rows of `policy`, read into what the life cycle takes.

Used by the ledger, alerts and the API (which lists and changes them). Promises that reading never fails: a field that
cannot be used, however it came into the table, gets its default, and the fault is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import asyncpg
import orjson
from pydantic import BaseModel, ValidationError

from services.core.alarms.life.model import Alarm, Policy
from services.core.alarms.policy_models import MAX_STEPS, MODELS, Step, plain
from services.core.statements import load_queries
from services.core.words import Severity

SQL = load_queries(__file__)

DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType({name: plain(model()) for name, model in MODELS.items()})


class Fault(NamedTuple):
    """A field in the table that cannot be used, and why; `field` is empty for a whole row. Never holds the value."""

    policy: str
    field: str
    error: str


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """One line of the escalation policy: which alarms, when, whom."""

    number: int
    after_s: float
    channels: tuple[str, ...]
    until: str
    code: str | None
    severity: Severity | None
    leaves_out: frozenset[str] = frozenset()

    def matches(self, alarm: Alarm) -> bool:
        """Whether the step is about `alarm`; a step by severity leaves out the codes with steps of their own."""
        if self.code is not None:
            return alarm.code == self.code
        if self.severity is None or alarm.code in self.leaves_out:
            return False
        return alarm.severity.rank >= self.severity.rank


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies in force at one moment, and the stored parts that cannot be used."""

    alarm: Policy
    escalation: tuple[EscalationStep, ...]
    bodies: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...] = ()

    def number(self, name: str, field: str) -> float:
        """Return one figure of a policy."""
        return float(self.bodies[name][field])

    def fault(self, name: str) -> str | None:
        """Say what is wrong with the stored row of a policy, None when nothing is."""
        return next((f"{fault.field}: {fault.error}" for fault in self.faults if fault.policy == name), None)


def read_policies(rows: Mapping[str, Any]) -> Policies:
    """Put the stored bodies over the defaults, field by field. Never raises, whatever they hold."""
    faults: list[Fault] = []
    read = {name: _read_policy(name, rows.get(name, {}), faults) for name in MODELS}
    bodies = {name: plain(policy) for name, policy in read.items()}
    _agree(bodies)
    clocks, notices, until = bodies["fire_clocks"], bodies["notices"], bodies["drill"]["until"]
    return Policies(
        alarm=Policy(
            suspected_clock_s=float(clocks["suspected_s"]),
            probable_clock_s=float(clocks["probable_s"]),
            evidence_window_s=float(clocks["evidence_window_s"]),
            incident_gap_s=float(clocks["incident_gap_s"]),
            offline_hold_s=float(notices["offline_hold_s"]),
            flap_hold_s=float(notices["flap_hold_s"]),
            shelve_max_s=float(notices["shelve_max_s"]),
            notify_from=Severity(notices["notify_from"]),
            drill_until=None if until is None else datetime.fromisoformat(until),
        ),
        escalation=_read_steps(rows.get("escalation"), bodies, faults),
        bodies=MappingProxyType(bodies),
        faults=tuple(faults),
    )


def check_policy(name: str, body: Mapping[str, Any]) -> None:
    """Check a whole policy before it is stored.

    Raises:
        ValidationError: pydantic's, with the place of each bad field.
    """
    MODELS[name].model_validate(dict(body))


async def load_policies(conn: asyncpg.Connection) -> Policies:
    """Read the policies in force. Runs in every transaction, so unchanged rows are not parsed again."""
    rows = await conn.fetch(SQL["policies"])
    return _parse(tuple((row["name"], row["body"]) for row in rows))


def parse_policies(texts: Mapping[str, str]) -> Policies:
    """Read policies from the JSON text of each row, as `read_policies` does from values."""
    return _parse(tuple(sorted(texts.items())))


@lru_cache(maxsize=8)
def _parse(rows: tuple[tuple[str, str], ...]) -> Policies:
    bodies: dict[str, Any] = {}
    for name, text in rows:
        try:
            bodies[name] = orjson.loads(text)
        except orjson.JSONDecodeError as error:  # jsonb holds values that our parser does not: 1e400, a thousand levels
            bodies[name] = error
    return read_policies(bodies)


def _read_policy(name: str, stored: Any, faults: list[Fault]) -> BaseModel:
    """Return a policy with every field that can be used; the steps of `escalation` are read one by one elsewhere."""
    model = MODELS[name]
    if not isinstance(stored, Mapping):
        why = str(stored) if isinstance(stored, Exception) else f"is a {type(stored).__name__}, must be an object"
        faults.append(Fault(name, "", why))
        return model()
    good: dict[str, Any] = {}
    for field in model.model_fields:
        if field not in stored or (name, field) == ("escalation", "steps"):
            continue
        try:
            good[field] = getattr(model.model_validate({field: stored[field]}), field)
        except ValidationError as error:
            faults += _named(name, error)
    return model.model_construct(**good)


def _read_steps(stored: Any, bodies: dict[str, Any], faults: list[Fault]) -> tuple[EscalationStep, ...]:
    """Read each step separately: one that cannot be used is left out, and the others keep their numbers."""
    steps = stored.get("steps") if isinstance(stored, Mapping) else None
    if isinstance(stored, Mapping) and "steps" in stored and not isinstance(steps, list):
        faults.append(Fault("escalation", "steps", f"is a {type(steps).__name__}, must be a list"))
    usable: list[tuple[int, Step]] = []
    for number, step in enumerate(steps[:MAX_STEPS] if isinstance(steps, list) else (), start=1):
        try:
            usable.append((number, Step.model_validate(step)))
        except ValidationError as error:
            faults += _named("escalation", error, ("steps", number - 1))
    if not usable and steps != []:  # otherwise nobody would be called; calling too many people is better
        usable = list(enumerate((Step.model_validate(step) for step in DEFAULTS["escalation"]["steps"]), start=1))
    bodies["escalation"] = {"steps": [step.model_dump(mode="json", exclude_none=True) for _, step in usable]}
    named = frozenset(step.code for _, step in usable if step.code is not None)
    return tuple(
        EscalationStep(
            number=number,
            after_s=step.after_s,
            channels=tuple(step.channels),
            until=step.until,
            code=step.code,
            severity=None if step.severity is None else Severity(step.severity),
            leaves_out=named,
        )
        for number, step in usable
    )


def _named(policy: str, error: ValidationError, before: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Name each fault by its place; pydantic's text is about the rule that was broken, not about the value."""
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part)[:60] for part in (*before, *one["loc"]))
        yield Fault(policy, place, one["msg"].removeprefix("Value error, "))


def _agree(bodies: dict[str, Any]) -> None:
    """Keep the limit that ends `storage_low` at or below the one that raises it, so that it does not flap."""
    health = bodies["health"]
    health["storage_fine_pct"] = min(health["storage_fine_pct"], health["storage_low_pct"])
