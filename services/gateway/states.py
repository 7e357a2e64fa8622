"""The last known states of every address, within bounds: strangers cannot fill the memory. Pure.

Used by intake.py; the journal keeps what is kept here. A state that found no room is judged anew each time: its fires
and faults still count, only what is over (`active: false`) is not derived for it.
"""

from collections.abc import Mapping

from services.gateway.limits import Limits
from services.gateway.meaning import Known


class States:
    """Last states by address and key (naming.py)."""

    def __init__(self, remembered: dict[bytes, dict[str, Known]], limits: Limits) -> None:
        self._by_address = remembered
        self._limits = limits
        self._count = sum(map(len, remembered.values()))

    def of(self, address: bytes) -> Mapping[str, Known]:
        """Return what is known of an address."""
        return self._by_address.get(address, {})

    def all(self) -> dict[bytes, dict[str, Known]]:
        """Return everything that is known."""
        return self._by_address

    def join(self, remembered: Mapping[bytes, Mapping[str, Known]]) -> None:
        """Take over older states, where nothing newer is known."""
        for address, states in remembered.items():
            known = self._by_address.setdefault(address, {})
            self._count -= len(known)
            known |= {key: state for key, state in states.items() if key not in known}
            self._count += len(known)

    def take(self, address: bytes, states: Mapping[str, Known | None], *, registered: bool) -> dict[str, Known | None]:
        """Take over new states (None: forget it) and return those that are to be written down."""
        known = self._by_address.setdefault(address, {})
        before = len(known)
        has_room = registered or self._count < self._limits.states_before_strangers
        room = self._limits.states_per_source if has_room else 0
        kept: dict[str, Known | None] = {}
        for key, state in states.items():
            if state is None:
                known.pop(key, None)
            elif key in known or len(known) < room:
                known[key] = state
            else:
                continue
            kept[key] = state
        self._count += len(known) - before
        if not known:
            del self._by_address[address]
        return kept
