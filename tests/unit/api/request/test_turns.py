"""Turns of callers, and bodies that are taken before anything is lent."""

import asyncio
from typing import Any

import pytest

from services.api.request.bodies import receive_whole
from services.api.request.problems import Problem
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope
from services.api.request.turns import Anteroom, Room, Turnstile, heavy_room_of, room_of


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
    assert not turnstile.callers


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
    assert not turnstile.callers


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


@pytest.mark.parametrize(
    ("role", "session", "room"),
    [
        (Role.DUTY_OFFICER, b"cookie", Room.DESK),
        (Role.ADMINISTRATOR, b"cookie", Room.DESK),
        (Role.ADMINISTRATOR, None, Room.OTHERS),  # a script
        (Role.WALL, b"cookie", Room.OTHERS),
        (Role.VIEWER, b"cookie", Room.OTHERS),
    ],
)
def test_heavy_reads_of_people_at_the_desk_have_a_room_of_their_own(
    role: Role, session: bytes | None, room: Room
) -> None:
    assert heavy_room_of(Who("x", "x", role, Scope(("*",)), session=session)) is room


async def test_one_stranger_too_many_sends_away_the_one_that_stood_longest() -> None:
    anteroom, ended = Anteroom(2), []

    async def stand(name: str, place: str = "here") -> None:
        try:
            async with anteroom.one_of(place):
                await asyncio.Event().wait()
        except Problem as problem:
            ended.append((name, problem.status_code))

    standing = [asyncio.create_task(stand("elsewhere", "there"))]
    for name in ("first", "second", "third"):
        standing.append(asyncio.create_task(stand(name)))
        await asyncio.sleep(0)
    for _ in range(3):
        async with anteroom.one_of("here"):
            pass  # whose body is there goes through
        await asyncio.sleep(0.01)
    assert ended == [("first", 408), ("second", 408)]
    for one in standing:
        one.cancel()
    await asyncio.gather(*standing, return_exceptions=True)
    assert not anteroom.places


async def test_a_body_that_is_late_in_the_anteroom_is_told_so() -> None:
    with pytest.raises(Problem) as late:
        async with Anteroom(1).one_of("here"):
            await receive_whole(messages(part(b"a")), 10, 0.01)
    assert "within" in str(late.value.detail)


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
