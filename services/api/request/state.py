"""What a request finds in the program: database, clock, settings, live hub. Made by main, read by dependencies."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, cast

import httpx2
from fastapi import Depends, Request

from services.api.live.hub import Hub
from services.api.people.throttle import Throttle
from services.api.registry.documents import QualityMemory
from services.api.request.database import Database
from services.api.request.shared_reads import Kept
from services.api.request.turns import Rooms
from services.core.clock import Clock
from services.core.settings import ApiSettings


@dataclass(slots=True)
class State:
    """One per process."""

    settings: ApiSettings
    database: Database
    clock: Clock
    throttle: Throttle = field(default_factory=Throttle)
    rooms: Rooms = field(default_factory=Rooms)
    hub: Hub = field(default_factory=Hub)
    quality: QualityMemory = field(default_factory=QualityMemory)
    kept: Kept = field(default_factory=Kept)
    tiles: httpx2.AsyncClient | None = None  # to the tile server, once somebody wants its tiles
    started_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock.now()


def _state(request: Request) -> State:
    return cast("State", request.app.state.firetower)


Here = Annotated[State, Depends(_state)]
