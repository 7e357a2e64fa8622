"""The fault proxy does what its verbs say."""

import asyncio
import gc
import socket
import warnings
from contextlib import suppress

import pytest

from tests.support.tcp import TcpServer
from tests.support.waiting import PATIENCE_S


@pytest.fixture
async def echo_port():
    async def echo(reader, writer):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()

    async with TcpServer(echo) as server:
        yield server.port


@pytest.fixture
async def connect():
    writers = []

    async def open_to(port):
        stream = await asyncio.open_connection("127.0.0.1", port)
        writers.append(stream[1])
        return stream

    yield open_to
    for writer in writers:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def say(stream, text, timeout_s=PATIENCE_S):
    reader, writer = stream
    writer.write(text)
    await writer.drain()
    return await asyncio.wait_for(reader.readexactly(len(text)), timeout_s)


async def test_forwards_until_cut_and_again_on_a_new_connection(wire, echo_port, connect):
    line = await wire(echo_port)
    stream = await connect(line.port)
    assert await say(stream, b"hello") == b"hello"
    await line.cut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await say(stream, b"gone")
    again = await connect(line.port)
    assert await say(again, b"again") == b"again"


async def test_a_stalled_wire_holds_bytes_back_and_delivers_them_after(wire, echo_port, connect):
    line = await wire(echo_port)
    stream = await connect(line.port)
    await say(stream, b"x")
    line.stall()
    with pytest.raises(TimeoutError):
        await say(stream, b"later", timeout_s=0.2)
    line.restore()
    assert await asyncio.wait_for(stream[0].readexactly(5), PATIENCE_S) == b"later"


async def test_refuses_until_restored(wire, echo_port, connect):
    line = await wire(echo_port)
    await line.refuse()
    stream = await connect(line.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await say(stream, b"x")
    line.restore()
    assert await say(await connect(line.port), b"y") == b"y"


async def test_a_slow_wire_takes_its_time(wire, echo_port, connect):
    line = await wire(echo_port)
    stream = await connect(line.port)
    line.slow(20_000)
    started = asyncio.get_running_loop().time()
    await say(stream, b"z" * 8000)
    assert asyncio.get_running_loop().time() - started > 0.3


async def test_drops_the_connection_after_so_many_bytes(wire, echo_port, connect):
    line = await wire(echo_port)
    stream = await connect(line.port)
    line.drop_after(10)
    assert await say(stream, b"1234") == b"1234"
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await say(stream, b"5678")


@pytest.mark.parametrize("turns", range(6))
async def test_a_server_that_closes_while_a_connection_comes_leaves_nothing_open(turns):
    async def wait(_reader, _writer):
        await asyncio.sleep(60)

    async with TcpServer(wait) as server:
        with socket.create_connection(("127.0.0.1", server.port)):
            for _ in range(turns):
                await asyncio.sleep(0)
            await server.close()
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    assert [str(one.message) for one in left_open] == []
