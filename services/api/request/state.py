"""What a request finds in the program: settings, database, clock, and what each room keeps. Made by main."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, TypeVar, cast

from fastapi import Depends, Request

from services.api.request.database import Database
from services.api.request.shared_reads import Kept
from services.api.request.turns import Rooms
from services.core.clock import Clock
from services.core.settings import ApiSettings

T = TypeVar("T")


@dataclass(slots=True)
class State:
    """One per process."""

    settings: ApiSettings
    database: Database
    clock: Clock
    rooms: Rooms = field(default_factory=Rooms)
    kept: Kept = field(default_factory=Kept)
    started_at: datetime = field(init=False)
    _parts: dict[type, object] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.started_at = self.clock.now()

    def of(self, part: type[T]) -> T:
        """Return the one `part` of the program, as `state.of(Hub)`; made the first time that somebody asks for it.

        So a folder keeps what it must remember without this one knowing of it.
        """
        if part not in self._parts:
            self._parts[part] = part()
        return cast("T", self._parts[part])


async def _state(request: Request) -> State:  # async: FastAPI calls all else in a thread, which wakes late
    return cast("State", request.app.state.firetower)


Here = Annotated[State, Depends(_state)]
