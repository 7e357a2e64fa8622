"""Which retained messages are stored copies, and which are live and only kept by the broker as well. Pure.

A lane asks the broker to keep the retain flag as it was published: only so is the deletion of a retained message (an
empty payload) not taken for garbage. Stored copies come once, when a session is new, and before everything that was
published after we subscribed: so our own first probe is the border between the two.
"""

from services.core.mqtt import Delivery


class StoredCopies:
    """Watches one lane's deliveries in their order."""

    def __init__(self, probe_topic: str) -> None:
        self._probe_topic = probe_topic
        self._over_since = 0  # generation of the connection on which a probe came back

    def tell(self, delivery: Delivery, *, session_present: bool) -> None:
        """Leave the retain flag on stored copies and deletions alone."""
        if delivery.topic == self._probe_topic:
            self._over_since = delivery.generation
        elif delivery.retain and delivery.payload:
            delivery.retain = not session_present and self._over_since != delivery.generation
