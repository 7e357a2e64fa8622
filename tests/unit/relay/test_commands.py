"""What became of commands is told together, and one that the county cannot read holds up no other."""

from typing import Any, cast
from uuid import UUID

import pytest

from services.core.mqtt import Session
from services.relay.commands import Commands
from services.relay.county import Answered, County
from services.relay.database import Database
from tests.support.hand_clock import HandClock


class Picky:
    """A county that refuses a body in which one command stands; `taken` is what it took."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.taken: list[int] = []
        self.asked = 0

    async def send(self, _path: str, body: dict[str, Any]) -> Answered:
        self.asked += 1
        numbers = [one["id"].int for one in body["replies"]]
        if 37 in numbers:
            return Answered(self.status, None)
        self.taken += numbers
        return Answered(204, None)


@pytest.mark.parametrize(("status", "others"), [(422, 99), (413, 99), (503, 0), (401, 0)])
async def test_one_that_cannot_be_read_is_left_out_and_an_outage_leaves_out_none(status: int, others: int) -> None:
    county = Picky(status)
    nothing = cast("Any", None)
    commands = Commands(cast("Database", nothing), cast("Session", nothing), cast("County", county), HandClock())
    rows = [{"id": UUID(int=number), "state": "replied"} for number in range(100)]
    await commands.tell(rows)
    assert len(county.taken) == others
    assert (county.asked == 1) is (others == 0)
