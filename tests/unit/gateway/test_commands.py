"""Commands whose link is lost while the database writes down that they are sent."""

import asyncio
from uuid import UUID

import pytest

from services.core.clock import SystemClock
from services.gateway.border import Border
from services.gateway.commands import QUERIES, Commands
from services.gateway.downlink import GUARD_CHECK
from services.gateway.frames import SEND, Frame
from services.gateway.post import Caller
from services.gateway.profiles import load_profiles
from tests.support.waiting import eventually

PANEL = bytes((7, 0, 0, 0, 0, 0))
CHECK = UUID(int=7)


class SpokenOn:
    """A link that keeps what is said on it."""

    def __init__(self):
        self.is_leaving, self.said = False, []
        self.callers = {PANEL: Caller.new(Frame(0, SEND, PANEL, bytes(6)), load_profiles()["standard"], 0.0)}

    def say(self, caller, flag, adu):
        self.said.append(flag)
        return caller.exchanges.begin(flag, adu, like=caller.last, label=bytes(6), at=0.0)


class Registered:
    """Registry, database and door in one: `while_written` is done each time that a command is written down as sent."""

    def __init__(self, links, while_written):
        self.links, self.while_written = links, while_written
        row = {"id": CHECK, "code": "panel-7", "command": "guard_check", "arguments": {}, "answer_by": None}
        self.queued = [row | {"created_at": SystemClock().now(), "now": SystemClock().now()}]

    def address_of(self, code):
        return PANEL

    def link_of(self, address):
        return next((link for link in self.links if link.callers and not link.is_leaving), None)

    async def fetch(self, query):
        queued, self.queued = self.queued, []
        return queued

    async def execute(self, query, *values):
        if query == QUERIES["sent"]:
            self.while_written()


def close(link):
    link.is_leaving = True


def take_off(link):
    link.callers.clear()


@pytest.fixture(params=[close, take_off])
async def links(request):
    """Two links of a panel, of which the first is lost in that moment, or the panel is taken off it."""
    made = [SpokenOn(), SpokenOn()]
    clock = SystemClock()
    registered = Registered(made, lambda: request.param(made[0]))
    commands = Commands(registered, registered, clock, Border(clock))
    running = asyncio.create_task(commands.run(), name="commands")
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_command_is_said_on_the_next_link_where_its_own_is_lost_before_it_is_said(links):
    await eventually(lambda: links[0].said or links[1].said, what="it is said")
    assert [link.said for link in links] == [[], [GUARD_CHECK]]
