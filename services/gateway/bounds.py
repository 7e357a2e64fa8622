"""Whether a frame may be taken: everything that is open has a bound, and strangers have a budget.

Used by intake.py. What is refused is counted and reported, never confirmed: a real panel sends it again.
"""

from dataclasses import dataclass
from datetime import datetime

from services.core.clock import Clock
from services.core.log import logger
from services.core.metrics import FRAMES
from services.gateway.budget import Budget
from services.gateway.confirms import Asker
from services.gateway.flood import Flood, Report
from services.gateway.limits import Limits
from services.gateway.registry import Panel

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a frame came from, and when. Without an asker it comes out of the journal, or a person tries it again."""

    peer: str
    at: datetime
    asker: Asker | None = None
    link_number: int = 0
    first_of_link: bool = False
    kept: int | None = None
    leads: bool = False  # it is sent before the rest, as the fire behind it is
    number: int | None = None  # in the order in which frames were heard; None: it is the newest


class Bounds:
    """The limits of what waits, and the budget of strangers."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self.budget = Budget(limits, clock.monotonic())
        self._flood = Flood()

    def allow(self, panel: Panel, fires: int, arrival: Arrival, waiting: int, of_strangers: int) -> bool:
        """Say whether one more frame with `fires` is taken while `waiting` records are not stored."""
        if waiting >= (self._limits.open_fires if fires else self._limits.open_records):
            FRAMES.labels("over_backlog").inc()
            return False
        if panel.registered:
            return True
        now = self._clock.monotonic()
        if of_strangers >= self._limits.open_of_strangers:
            taken = False
        elif fires:
            taken = self.budget.take_fires(panel.address, arrival.peer, arrival.link_number, fires, now)
        else:
            taken = self.budget.let_in(panel.address, arrival.peer, now)
        if not taken:
            FRAMES.labels("over_budget").inc()
            first = not self.budget.has_fired(panel.address)
            self._flood.refuse(panel.address, arrival.peer, fires, first=first, now=now)
        return taken

    def has_room(self, panel: Panel, waiting: int, of_strangers: int) -> bool:
        """Say whether the gateway may add something ordinary of its own about a panel."""
        return waiting < self._limits.open_records and (
            panel.registered or of_strangers < self._limits.open_of_strangers
        )

    def reports(self) -> list[Report]:
        """Return what is to be told of strangers beyond their budget; ask about every second."""
        reports = self._flood.report(self._clock.monotonic())
        for report in reports:
            log.warning("strangers_over_budget", type=report.type, active=report.active, **report.extra)
        return reports
