"""Frames of addresses that are not known: on the disk first, then looked up, so that nothing can lose them.

Used by intake.py. What is still here after a restart is taken as soon as names are known.
"""

from collections.abc import Callable
from functools import partial

from services.core.clock import Clock
from services.gateway.frames import encode
from services.gateway.journal import Journal
from services.gateway.post import Said
from services.gateway.records import Heard, Statement
from services.gateway.registry import Registry

SAYS_NOTHING = 2  # a shorter data unit is a heartbeat, of which nothing can be lost


class LookUps:
    """What is kept until its sender is known. `new_id` numbers rows of the journal."""

    def __init__(self, registry: Registry, journal: Journal, clock: Clock, new_id: Callable[[], int]) -> None:
        self._registry = registry
        self._journal = journal
        self._clock = clock
        self._new_id = new_id
        self._heard: dict[int, Heard] = {}

    @property
    def heard(self) -> list[Heard]:
        """What is kept."""
        return list(self._heard.values())

    def resume(self, heard: list[Heard]) -> None:
        """Go on with what a file held."""
        self._heard.update((one.id, one) for one in heard)

    def keep(self, peer: str, said: Said, then: Callable[[], None] | None) -> None:
        """Put a frame into the journal; then ask for its sender, if `then` waits for that."""
        ask = partial(self._registry.ask, said.frame.source, then) if then is not None else None
        if not said.urgent and (self._journal.is_failing or len(said.frame.adu) < SAYS_NOTHING):
            if ask is not None:
                ask()
            return
        now_ms = int(self._clock.now().timestamp() * 1000)
        one = Heard(self._new_id(), peer, encode(said.frame), now_ms)
        said.kept, self._heard[one.id] = one.id, one
        self._journal.write([("add_heard", (one.id, one.peer, one.frame, one.received_ms))], ask, first=said.urgent)

    def over(self, number: int | None) -> list[Statement]:
        """Forget a frame; return what forgets it on the disk, to be written with what it became."""
        return [("drop_heard", (number,))] if number and self._heard.pop(number, None) is not None else []

    def let_go(self, number: int | None) -> None:
        """Forget a frame that becomes nothing."""
        if statements := self.over(number):
            self._journal.write(statements)
