"""Turns of callers, and bodies that are taken before anything is lent."""

import asyncio
from typing import Any

import pytest

from services.api.bodies import receive_whole
from services.api.problems import Problem
from services.api.roles import Role, Scope, Who
from services.api.rooms import Room, Turnstile, room_of


async def test_one_caller_waits_for_itself_and_nobody_else_does() -> None:
    turnstile, go_on, inside = Turnstile(2, 3), asyncio.Event(), []

    async def ask(caller: str) -> None:
        async with turnstile.one_of(caller):
            inside.append(caller)
            await go_on.wait()

    greedy = [asyncio.create_task(ask("greedy")) for _ in range(5)]
    other = asyncio.create_task(ask("other"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(inside) == ["greedy", "greedy", "other"]
    with pytest.raises(Problem) as refused:
        await ask("greedy")
    assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "1"})
    go_on.set()
    await asyncio.gather(*greedy, other)
    assert inside.count("greedy") == 5
    assert not turnstile._callers


async def test_a_caller_that_gives_up_waiting_leaves_nothing_behind() -> None:
    turnstile = Turnstile(1, 1)
    async with turnstile.one_of("a"):
        waiting = asyncio.create_task(turnstile.one_of("a").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with turnstile.one_of("b"):
            pass
    async with turnstile.one_of("a"):
        pass
    assert not turnstile._callers


@pytest.mark.parametrize(
    ("role", "room"),
    [
        (Role.VIEWER, Room.OTHERS),
        (Role.MAINTAINER, Room.OTHERS),
        (Role.DUTY_OFFICER, Room.DESK),
        (Role.ADMINISTRATOR, Room.DESK),
    ],
)
def test_who_judges_alarms_has_connections_of_their_own(role: Role, room: Room) -> None:
    assert room_of(Who("user:x", "x", role, Scope(("*",)))) is room


def messages(*parts: dict[str, Any]) -> Any:
    waiting = list(parts)

    async def receive() -> Any:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_whole_body_is_given_again_and_leaving_is_told_after_it() -> None:
    leaving = {"type": "http.disconnect"}
    receive = await receive_whole(messages(part(b"a"), part(b"b", more=False), leaving), 10, 1)
    assert [await receive() for _ in range(3)] == [part(b"a"), part(b"b", more=False), leaving]


async def test_a_body_that_never_comes_or_is_too_large_is_refused() -> None:
    with pytest.raises(Problem) as late:
        await receive_whole(messages(part(b"a")), 10, 0.01)
    assert late.value.status_code == 408
    with pytest.raises(Problem) as large:
        await receive_whole(messages(part(b"a" * 6), part(b"a" * 6)), 10, 1)
    assert large.value.status_code == 413


async def test_a_client_that_leaves_within_its_body_is_told_as_left() -> None:
    leaving = {"type": "http.disconnect"}
    receive = await receive_whole(messages(part(b"a"), leaving), 10, 1)
    assert [await receive(), await receive()] == [part(b"a"), leaving]
