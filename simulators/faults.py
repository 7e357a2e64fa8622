"""Faults on purpose: what devices, radio and firmware do to messages, each written to the truth file first.

Called by the fleet between a device and its connection. Promises: seeded; no fault without a line of truth.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from services.core.contracts import MAX_READINGS, SEQ_MODULUS
from services.core.topics import Kind
from simulators.noise import Dice
from simulators.scenario import FaultRates
from simulators.truth import Truth
from simulators.twin import Twin, encode

CLOCK_ERRORS_S = (-3 * 3600.0, 2 * 3600.0, 8 * 3600.0, -400 * 86_400.0)  # hours off, local time as UTC, lost its time


class Sending(NamedTuple):
    """One payload that leaves after `delay_s`."""

    delay_s: float
    payload: bytes


@dataclass(slots=True)
class _Outage:
    until_s: float
    stored: list[dict[str, Any]] = field(default_factory=list)


class FaultInjector:
    """Decides what becomes of each message."""

    def __init__(self, rates: FaultRates, seed: int, truth: Truth) -> None:
        self._rates = rates
        self._dice = Dice(seed, "faults")
        self._truth = truth
        self._outages: dict[str, _Outage] = {}
        self.any = rates != FaultRates()

    def set_clock(self, twin: Twin, now_s: float) -> None:
        """Give a share of the devices a wrong clock, once, when the fleet starts."""
        if self._dice.chance(self._rates.clock_error):
            twin.clock_error_s = CLOCK_ERRORS_S[self._dice.below(len(CLOCK_ERRORS_S))]
            self._truth.record(now_s, "clock_error", twin.code, offset_s=twin.clock_error_s)

    def pass_reading(self, twin: Twin, reading: dict[str, Any], now_s: float) -> list[Sending]:
        """Return what really leaves for a reading that the device wants to send at `now_s` (Unix seconds)."""
        if not self.any:
            return [Sending(0.0, encode(reading))]
        seq = reading["seq"]
        if (stored := self._in_outage(twin, reading, now_s)) is not None:
            return stored
        for fault, act in self._single_faults().items():
            if self._dice.chance(getattr(self._rates, fault)) and (sendings := act(twin, reading)) is not None:
                self._truth.record(now_s, fault, twin.code, seq=seq, **self._details(fault, sendings))
                return sendings
        if self._dice.chance(self._rates.flood):
            return self._flood(twin, reading, now_s)
        return [Sending(0.0, encode(reading))]

    def loses_first_try(self, twin: Twin, event_id: str, now_s: float) -> bool:
        """Return True when an event's first transmission is to be lost on the way."""
        lost = self._dice.chance(self._rates.drop)
        if lost:
            self._truth.record(now_s, "event_first_try_lost", twin.code, event_id=event_id)
        return lost

    def _single_faults(self) -> dict[str, Callable[[Twin, dict[str, Any]], list[Sending] | None]]:
        return {
            "drop": lambda _twin, _reading: [],
            "delay": lambda _twin, reading: [
                Sending(self._rates.delay_s * self._dice.between(0.2, 1), encode(reading))
            ],
            "duplicate": lambda _twin, reading: [Sending(0.0, encode(reading)), Sending(0.1, encode(reading))],
            "reorder": lambda twin, reading: [
                Sending(1.5 * twin.interval_s, encode(reading))
            ],  # the next one overtakes
            "unit_mixup": self._mix_units,
            "malformed": lambda _twin, reading: [Sending(0.0, self._spoil(reading))],
        }

    @staticmethod
    def _details(fault: str, sendings: list[Sending]) -> dict[str, Any]:
        if fault == "malformed":
            return {"payload": sendings[0].payload.decode(errors="replace")[:120]}
        return {"delay_s": round(sendings[0].delay_s, 3)} if fault in {"delay", "reorder"} else {}

    @staticmethod
    def _mix_units(twin: Twin, reading: dict[str, Any]) -> list[Sending] | None:
        if twin.kind is not Kind.HYDRANT:
            return None
        return [Sending(0.0, encode(reading | {"pressure_mpa": round(reading["pressure_mpa"] * 1000, 1)}))]

    def _spoil(self, reading: dict[str, Any]) -> bytes:
        """Return one kind of rubbish that broken firmware sends; none can be stored as a reading."""
        whole = encode(reading)
        sorts = (
            whole[:10],  # cut off before it says anything
            b"\xff\xfe" + whole,  # not UTF-8
            b"",
            b"null",
            b'"OK"',
            encode({name: value for name, value in reading.items() if name != "ts"}),
            encode(reading | {"ts": reading["ts"] // 1000}),  # seconds for milliseconds
            encode(reading | {"seq": str(reading["seq"])}),
            encode({"ts": reading["ts"], "seq": reading["seq"]}),  # no value at all
        )
        return sorts[self._dice.below(len(sorts))]

    def _in_outage(self, twin: Twin, reading: dict[str, Any], now_s: float) -> list[Sending] | None:
        outage = self._outages.get(twin.code)
        if outage is None:
            if not self._dice.chance(self._rates.outage):
                return None
            outage = self._outages[twin.code] = _Outage(now_s + self._rates.outage_s)
            self._truth.record(now_s, "outage", twin.code, seq=reading["seq"], for_s=self._rates.outage_s)
        outage.stored.append(reading)
        if now_s < outage.until_s and len(outage.stored) < MAX_READINGS:
            return []
        del self._outages[twin.code]
        first, last = outage.stored[0]["seq"], outage.stored[-1]["seq"]
        self._truth.record(now_s, "burst", twin.code, first_seq=first, last_seq=last, readings=len(outage.stored))
        return [Sending(0.0, encode(outage.stored))]

    def _flood(self, twin: Twin, reading: dict[str, Any], now_s: float) -> list[Sending]:
        sendings = [Sending(0.0, encode(reading))]
        for extra in range(1, self._rates.flood_messages):
            twin.seq = (twin.seq + 1) % SEQ_MODULUS
            sendings.append(Sending(0.0, encode(reading | {"seq": twin.seq, "ts": reading["ts"] + extra})))
        self._truth.record(now_s, "flood", twin.code, first_seq=reading["seq"], messages=len(sendings))
        return sendings
