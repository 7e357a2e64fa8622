"""Tiles of a map server that stands anywhere: whole ones come through, and whatever else it does is one answer."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from services.api.map.tiles import MOST_BYTES, TileServer
from services.api.request.problems import Problem
from services.api.request.state import State
from tests.integration.api.conftest import Client
from tests.support.hostile import BEHAVIOURS, HostileReceiver
from tests.support.lines import Receiver, receiving
from tests.support.tcp import TcpServer
from tests.support.waiting import PATIENCE_S, eventually

PATH = "/DataServer?T={layer}_w&x={x}&y={y}&l={z}&tk={key}"
TILE = "/geo/tiles/vec/5/25/12"
AWAY = "urn:firetower:problem:tiles_away"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n"
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = PNG * (MOST_BYTES // 8)

UseTiles = Callable[[str], None]


@pytest.fixture
async def use_tiles(state: State) -> AsyncIterator[UseTiles]:
    def use(url: str) -> None:
        state.settings = state.settings.model_copy(update={"basemap": "tianditu:the-key", "tianditu_url": url})

    yield use
    state.of(TileServer).close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (HEAD + b"content-length: 8\r\n\r\n" + PNG, PNG),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n6\r\n\x89PNG\r\n\r\n2\r\n\x1a\n\r\n0\r\n\r\n", PNG),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + HEAD + b"content-length: 8\r\n\r\n" + PNG, PNG),
        (HEAD + b"content-encoding: identity\r\ncontent-length: %d\r\n\r\n" % MOST_BYTES + LARGEST, LARGEST),
    ],
    ids=["length", "chunks", "early-hints", "largest"],
)
async def test_a_tile_comes_through_as_it_is(
    client: Client, receiver: Receiver, use_tiles: UseTiles, answer: bytes, body: bytes
) -> None:
    use_tiles(f"http://127.0.0.1:{receiver.port}{PATH}")
    receiver.answer = answer
    tile = await client.get(TILE)
    assert (tile.status_code, tile.headers["content-type"], tile.content) == (200, "image/png", body)
    assert tile.headers["cache-control"] == "private, max-age=604800"
    assert receiver.heads[0].startswith(b"GET /DataServer?T=vec_w&x=25&y=12&l=5&tk=the-key HTTP/1.1\r\n")


async def test_tiles_of_one_host_come_over_the_same_connection(receiver: Receiver) -> None:
    tiles = TileServer()
    receiver.answer = HEAD + b"content-length: 8\r\n\r\n" + PNG
    for x in range(3):
        assert await tiles.fetch(f"http://127.0.0.1:{receiver.port}/{x}", "key") == ("image/png", PNG)
    assert (receiver.made, len(receiver.heads)) == (1, 3)
    tiles.close()
    await eventually(lambda: receiver.open == 0, what="it is closed with the program")


async def test_a_tile_may_end_with_its_connection(client: Client, use_tiles: UseTiles) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n" + PNG)

    async with TcpServer(old) as server:
        use_tiles(f"http://127.0.0.1:{server.port}{PATH}")
        for _ in range(2):
            tile = await client.get(TILE)
            assert (tile.status_code, tile.content) == (200, PNG)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HEAD + b"content-length: %d\r\n\r\n" % (MOST_BYTES + 1) + LARGEST + b"x", "sent more than"),
        (HEAD + b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\nPNG", "packed"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1\r\n\r\nx", "no picture"),
        (b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n", "answered 302"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "answered 304"),
        (HEAD + b"content-length: 0\r\n\r\n", "under the name of one"),
        (HEAD + b"content-length: 6\r\n\r\n<html>", "under the name of one"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nPNG\r\nzz\r\n", "broke off"),
    ],
    ids=["too-large", "packed", "a-page", "elsewhere", "not-modified", "empty", "a-page-as-a-picture", "bad-chunks"],
)
async def test_what_is_no_whole_tile_is_refused_and_says_why(
    client: Client, receiver: Receiver, use_tiles: UseTiles, answer: bytes, why: str
) -> None:
    use_tiles(f"http://127.0.0.1:{receiver.port}{PATH}")
    receiver.answer = answer
    refused = await client.get(TILE)
    assert (refused.status_code, refused.json()["type"]) == (502, AWAY)
    assert why in refused.json()["detail"]
    assert "max-age" not in refused.headers.get("cache-control", "")


async def test_a_connection_that_the_server_closed_meanwhile_costs_no_tile() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"content-length: 8\r\n\r\n" + PNG)  # and nothing says that it closes
        await writer.drain()

    tiles = TileServer()
    async with TcpServer(once) as server:
        for x in range(20):
            assert await tiles.fetch(f"http://127.0.0.1:{server.port}/{x}", "key") == ("image/png", PNG)
    tiles.close()


async def test_whatever_a_tile_server_does_there_is_an_answer() -> None:
    """One that sends a byte a second had no end, and one that begins to answer for ever kept the loop busy."""
    async with HostileReceiver() as hostile:

        async def ask(name: str) -> int:
            with pytest.raises(Problem) as refused:
                await TileServer().fetch(f"{hostile.url}/{name}", "key")
            return refused.value.status_code

        async with asyncio.timeout(PATIENCE_S):
            assert set(await asyncio.gather(*map(ask, BEHAVIOURS))) == {502}
        assert {name for name, _ in hostile.heard} == set(BEHAVIOURS)
