"""What strangers can do to a real API process before they have signed in."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psutil
import pytest
import uvicorn
from uvicorn.server import ServerState

from services.api.request import door
from services.core.limits import raise_file_limit
from stack.children import free_port
from tests.support.servers import PostgresServer, Program
from tests.support.waiting import PATIENCE_S, eventually

HALF_OPEN, WAITING = 50, 20
CHINESE = {
    400: "这不是 HTTP/1.1 请求",
    408: "请求头没有在时限内传完，请重新发送",
    431: f"请求头最多 {door.HEAD_LINES} 行、{door.HEAD_BYTES // 1024} KiB",
    503: "连接过多，请稍后再试",
}
HALF_A_HEAD = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nX-Slow: "


@pytest.fixture(scope="module")
def api(_postgres_server: PostgresServer) -> Iterator[tuple[Program, int]]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_file_limit()
    database, port = _postgres_server.create_database(), free_port()
    started = Program("api", {"FIRETOWER_DATABASE_URL": database, "FIRETOWER_API_PORT": str(port)})
    try:
        started.wait_ready()
        yield started, port
    finally:
        started.close()
        _postgres_server.drop_database(database)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def read_end(reader: asyncio.StreamReader, timeout_s: float = door.HEAD_S + PATIENCE_S) -> bytes:
    """Return what is answered until the connection ends."""
    async with asyncio.timeout(timeout_s):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


def problem_of(answer: bytes) -> dict[str, Any]:
    """Return the problem that a whole answer holds; the answer is as long as it says, and the last one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert (lines["content-type"], lines["connection"]) == ("application/problem+json", "close")
    assert int(lines["content-length"]) == len(body)
    found: dict[str, Any] = json.loads(body)
    assert found["type"].startswith("urn:firetower:problem:")
    assert found["detail_zh"] == CHINESE[found["status"]]
    assert answer.startswith(f"HTTP/1.1 {found['status']} {found['title']}\r\n".encode())
    return found


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nno header\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"HELO x\r\n\r\n"]
)
async def test_what_is_no_request_is_refused_as_a_problem(api: tuple[Program, int], sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", api[1])
    writer.write(sent)
    assert problem_of(await read_end(reader))["status"] == 400
    writer.close()


async def test_half_open_requests_hold_up_nobody_and_end(api: tuple[Program, int]) -> None:
    _, port = api
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(HALF_OPEN)]
    for _, writer in opened:
        writer.write(HALF_A_HEAD)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False) as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.post("/api/v1/session", json={"username": "a", "password": "b"})
        assert answer.status_code == 401
    ends = await asyncio.gather(*[read_end(reader) for reader, _ in opened])
    assert {end.partition(b"\r\n")[0] for end in ends} == {b"HTTP/1.1 408 Request Timeout"}
    assert {problem_of(end)["status"] for end in ends} == {408}
    for _, writer in opened:
        writer.close()


@asynccontextmanager
async def served(behind: door.Door) -> AsyncIterator[int]:
    """A port behind a door of our own."""

    async def ok(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    protocol = door.DoorProtocol.behind(behind)
    config = uvicorn.Config(ok, http=protocol, log_config=None, lifespan="off")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()
    await eventually(lambda: not state.connections, what="no connection is left")


@pytest.fixture
async def crowded() -> AsyncIterator[int]:
    """A port whose door has room for few that wait and gives them an hour."""
    async with served(door.Door(waiting=WAITING, head_s=3600)) as port:
        yield port


async def test_who_finds_no_room_or_sends_too_large_a_head_is_told_by_a_problem() -> None:
    for behind, status in ((door.Door(connections=0), 503), (door.Door(), 431)):
        async with served(behind) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if status == 431:
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Line: 1\r\n" * (door.HEAD_LINES + 1))
            assert problem_of(await read_end(reader))["status"] == status
            writer.close()


async def test_those_that_have_waited_longest_make_room_for_whoever_comes(crowded: int) -> None:
    opened = []
    for number in range(1, HALF_OPEN + 1):
        opened.append(await asyncio.open_connection("127.0.0.1", crowded))
        opened[-1][1].write(HALF_A_HEAD)
        if number > WAITING:  # in the order in which they came
            assert await read_end(opened[number - WAITING - 1][0]) == b""
    async with httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{crowded}/")).status_code == 204
    assert not any(reader.at_eof() for reader, _ in opened[-WAITING + 1 :]), "the rest still waits"
    for _, writer in opened:
        writer.close()


@pytest.mark.parametrize(
    "flood",
    [
        b"X-Large: " + b"x" * 1_000_000,
        b"X-Line: 1\r\n" * 100_000,
        b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 1_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: " + b"x" * 1_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-Trailer: 1\r\n" * 100_000,
    ],
    ids=["one header", "many headers", "a chunk extension", "one trailer", "many trailers"],
)
async def test_a_flood_of_headers_ends_its_connection_and_is_not_kept(api: tuple[Program, int], flood: bytes) -> None:
    started, port = api
    process = psutil.Process(started.process.pid)
    before = process.memory_info().rss

    async def pour() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + flood)
        try:
            return await read_end(reader)
        finally:
            writer.close()

    answers = await asyncio.gather(*[pour() for _ in range(30)])
    assert {answer[9:12] for answer in answers} <= {b"431", b"400", b""}
    assert process.memory_info().rss - before < 60_000_000
    async with httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200


async def test_a_kept_connection_is_used_again_and_may_not_dawdle_then(api: tuple[Program, int]) -> None:
    _, port = api
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.read(1000)
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    assert (await read_end(reader)).startswith(b"HTTP/1.1 408")
    writer.close()
