"""What a device keeps until it is safe: events until the application ack, readings for two seconds after the PUBACK.

Called by `simulators.device` (contract section 3). Promises: pure of I/O; a kept message is handed out byte for byte.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

RESEND_FIRST_S = 10.0
RESEND_CAP_S = 300.0
READING_KEEP_S = 2.0  # a broker's PUBACK precedes its own write by one loop turn
MAX_EVENTS = 100_000


@dataclass(slots=True)
class _Kept:
    topic: str
    payload: bytes
    wait_s: float
    due_s: float


class EventOutbox:
    """Events that no `down/ack` has named yet, over all devices of one connection."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._due: list[tuple[float, tuple[str, str]]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, base: str, event_id: str, topic: str, payload: bytes, now_s: float) -> bool:
        """Keep an event that is being sent now; False when the memory is full and it will not be sent again."""
        if len(self._kept) >= self._max_events:
            return False
        self._kept[base, event_id] = _Kept(topic, payload, RESEND_FIRST_S, now_s + RESEND_FIRST_S)
        heapq.heappush(self._due, (now_s + RESEND_FIRST_S, (base, event_id)))
        return True

    def acknowledge(self, base: str, event_ids: Iterable[str]) -> list[str]:
        """Forget the named events; return those that were kept."""
        return [event_id for event_id in event_ids if self._kept.pop((base, event_id), None) is not None]

    def take_due(self, now_s: float) -> list[tuple[str, bytes]]:
        """Return (topic, payload) of what has waited long enough; each waits twice as long for the next time."""
        again: list[tuple[str, bytes]] = []
        while self._due and self._due[0][0] <= now_s:
            due_s, key = heapq.heappop(self._due)
            kept = self._kept.get(key)
            if kept is None or kept.due_s != due_s:
                continue
            kept.wait_s = min(kept.wait_s * 2, RESEND_CAP_S)
            kept.due_s = now_s + kept.wait_s
            heapq.heappush(self._due, (kept.due_s, key))
            again.append((kept.topic, kept.payload))
        return again

    def take_all(self, now_s: float) -> list[tuple[str, bytes]]:
        """Return everything kept, for a new connection; their waits start over."""
        self._due.clear()
        for key, kept in self._kept.items():
            kept.wait_s, kept.due_s = RESEND_FIRST_S, now_s + RESEND_FIRST_S
            self._due.append((kept.due_s, key))
        heapq.heapify(self._due)
        return [(kept.topic, kept.payload) for kept in self._kept.values()]


class RecentReadings:
    """Readings acknowledged within two seconds of the newest acknowledgement: sent again after a lost connection.

    Counted from the newest PUBACK, not from the moment the loss was noticed, so a slow keepalive loses nothing.
    """

    def __init__(self, keep_s: float = READING_KEEP_S) -> None:
        self._keep_s = keep_s
        self._acked: deque[tuple[float, str, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._acked)

    def acknowledged(self, topic: str, payload: bytes, now_s: float) -> None:
        """Note a PUBACK."""
        self._acked.append((now_s, topic, payload))
        while self._acked[0][0] < now_s - self._keep_s:
            self._acked.popleft()

    def take_all(self) -> list[tuple[str, bytes]]:
        """Return what has to be sent again, oldest first; it is kept again when its new PUBACK arrives."""
        again = [(topic, payload) for _, topic, payload in self._acked]
        self._acked.clear()
        return again
