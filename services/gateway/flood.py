"""What strangers sent beyond their budget, as one thing to look at: counts and names, not thousands of alarms. Pure.

Used by intake.py, which publishes a report as an event of one device of its own. A fire of an address that has none yet
makes the report a fire: behind the surplus may be somebody honest.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from services.core.contracts import EventType, JsonObject

TELL_EVERY_S = 60.0
OVER_AFTER_S = 600.0  # without any surplus
LEAST = 20  # how many repeats beyond the budget are worth a report
NAMED = 20  # addresses and peers that a report names


@dataclass(slots=True)
class _Surplus:
    fires: int = 0
    first: int = 0  # of addresses without any fire taken
    others: int = 0  # frames that are no fire
    addresses: OrderedDict[str, None] = field(default_factory=OrderedDict)
    peers: OrderedDict[str, None] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class Report:
    """An event to tell."""

    type: EventType
    active: bool
    text: str
    extra: JsonObject


class Flood:
    """Counts what was refused since the last report."""

    def __init__(self) -> None:
        self._surplus = _Surplus()
        self._told_at = float("-inf")
        self._last = float("-inf")
        self._raised: set[EventType] = set()

    def refuse(self, address: bytes, peer: str, fires: int, *, first: bool, now: float) -> None:
        """Count one refused frame."""
        surplus = self._surplus
        surplus.fires += fires
        surplus.first += first and fires > 0
        surplus.others += not fires
        for known, name in ((surplus.addresses, address.hex()), (surplus.peers, peer)):
            if len(known) < 10_000:
                known[name] = None
        if fires:
            self._last = now

    def report(self, now: float) -> list[Report]:
        """Return what is to be told now; call it about every second."""
        surplus = self._surplus
        if self._raised and now - self._last > OVER_AFTER_S:
            over = [
                Report(kind, False, "未登记地址的火警不再超额 strangers are within their budget again", {})
                for kind in sorted(self._raised)
            ]
            self._raised.clear()
            return over
        if now - self._told_at < TELL_EVERY_S or not (surplus.first or surplus.fires >= LEAST):
            return []
        kind = EventType.FIRE if surplus.first else EventType.TAMPER
        text = (
            f"未登记地址的火警超出受理额度：{surplus.fires} 次火警，涉及 {len(surplus.addresses)} 个地址、"
            f"{len(surplus.peers)} 个来源，未逐条受理，请立即核实并登记真实设备 "
            f"fires of unregistered addresses beyond their budget, not taken one by one: {surplus.fires} fires, "
            f"{len(surplus.addresses)} addresses, {len(surplus.peers)} peers; look, and register the real ones"
        )
        extra: JsonObject = {
            "refused_fires": surplus.fires,
            "refused_addresses": len(surplus.addresses),
            "addresses": list(surplus.addresses)[:NAMED],
            "peers": list(surplus.peers)[:NAMED],
        }
        self._surplus, self._told_at = _Surplus(), now
        self._raised.add(kind)
        return [Report(kind, True, text, extra)]
