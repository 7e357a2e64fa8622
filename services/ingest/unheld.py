"""How much may wait at QoS 0, which no window of the broker holds back. Pure; used by inbox.

Bounded by bytes, so that large messages do not fill the memory, and fair: one sender's flood takes nobody else's room.
"""

from services.core.mqtt import Delivery

SENDER_BYTES = 2**20  # of one sender: four lists as large as the broker takes
SMALL_BYTES = 16 * 1024  # senders with no more than this waiting have room of their own
LARGE_TOTAL_BYTES, TOTAL_BYTES = 16 * 2**20, 32 * 2**20  # of all senders that have more, and of all senders
OVERHEAD_BYTES = 1024  # what a message costs beside its payload


class Unheld:
    """The bytes that wait, by sender."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self._held: dict[str, int] = {}

    def take(self, sender: str, delivery: Delivery) -> bool:
        """Take room for a message; False when it has to be dropped."""
        cost = _cost(delivery)
        held = self._held.get(sender, 0) + cost
        most = TOTAL_BYTES if held <= SMALL_BYTES else LARGE_TOTAL_BYTES
        if held > SENDER_BYTES or self.total_bytes + cost > most:
            return False
        self._held[sender] = held
        self.total_bytes += cost
        return True

    def give_back(self, sender: str, delivery: Delivery) -> None:
        """Free the room of a message that a batch has taken."""
        held = self._held.get(sender)
        if held is None:
            return
        cost = _cost(delivery)
        self.total_bytes -= cost
        if held > cost:
            self._held[sender] = held - cost
        else:
            del self._held[sender]


def _cost(delivery: Delivery) -> int:
    return len(delivery.topic) + len(delivery.payload) + OVERHEAD_BYTES
