"""A panel that is gone right after its fire: what was received whole becomes one event, whoever else is away."""

import asyncio
import itertools
import socket
from collections import Counter

import asyncpg
import pytest

from services.gateway.frames import CONFIRM
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import address_of
from tests.integration.gateway.leaving import WAYS, fire_of, known, register, replies_on, rows_in, say_and_leave
from tests.support.waiting import eventually

BEYOND_ONE_READ = b"".join(fire_of(30, serial, point=serial) for serial in range(120))  # 9 KiB


@pytest.fixture
def leave(gateway_port):
    """Say something and be gone, in a thread of its own."""
    made: list[socket.socket] = []

    async def say(parts, way="close") -> socket.socket:
        made.append(await asyncio.to_thread(say_and_leave, gateway_port, parts, way))
        return made[-1]

    yield say
    for one in made:
        one.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("registered", [False, True])
async def test_a_fire_of_a_panel_that_leaves_at_once_is_heard(  # noqa: PLR0917 - fixtures
    gateway, store, database, leave, way, registered
):
    if registered:
        await register(database, 21)
        await known(gateway)
    line = await leave([fire_of(21)], way)
    await until(lambda: store.of("fire"), "the fire")
    assert store.of("fire")[0]["device"] == ("panel-21" if registered else "utd-150000000000")
    if way == "half-close":
        replies = await asyncio.to_thread(replies_on, line)
        assert [reply.command for reply in replies if reply.command == CONFIRM] == [CONFIRM]
    assert len(store.of("fire")) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_two_hundred_strangers_at_once_are_two_hundred_fires(gateway, store, leave, way):
    numbers = range(1000, 1200)
    await asyncio.gather(*(leave([fire_of(number)], way) for number in numbers))
    await until(lambda: len(store.of("fire")) >= 200, "every fire")
    assert set(Counter(event["device"] for event in store.of("fire")).values()) == {1}


@pytest.mark.parametrize("way", WAYS)
async def test_more_than_one_read_holds_is_heard_to_its_end(gateway, store, database, leave, way):
    await register(database, 30)
    await leave([BEYOND_ONE_READ], way)
    await until(lambda: len(store.of("fire")) >= 120, "every fire")
    assert len(store.of("fire")) == 120


@pytest.mark.parametrize(
    "parts",
    [
        [fire_of(22) + b"@@garbage##" * 50],
        [b"@@\x00" + fire_of(22)],  # what only seems to begin a long frame
        [bytes((byte,)) for byte in fire_of(22)],
        [fire_of(22)[:40], fire_of(22)[40:] + b"@@"],
    ],
    ids=["garbage behind", "garbage before", "byte by byte", "in two"],
)
@pytest.mark.parametrize("way", WAYS)
async def test_a_fire_among_garbage_or_in_pieces_is_heard_once(gateway, store, leave, way, parts):
    await leave(parts, way)
    await until(lambda: store.of("fire"), "the fire")
    assert len(store.of("fire")) == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_fire_in_several_frames_is_as_many_events(gateway, store, leave, way):
    await leave([fire_of(23, n, point=n) for n in range(10)], way)
    await until(lambda: len(store.of("fire")) >= 10, "every fire")
    assert len({event["component"] for event in store.of("fire")}) == 10


@pytest.mark.parametrize(("way", "registered"), [*((way, False) for way in WAYS), ("close", True)])
async def test_a_panel_is_heard_while_the_database_is_away(  # noqa: PLR0917 - fixtures
    gateway, store, database, postgres, leave, way, registered
):
    if registered:
        await register(database, 24)
        await known(gateway)
    postgres.kill()
    await leave([fire_of(24)], way)
    await until(lambda: store.of("fire"), "the fire")
    postgres.start()
    assert len(store.of("fire")) == 1


@pytest.mark.parametrize("registered", [False, True])
async def test_a_panel_that_leaves_while_the_broker_is_away_is_heard_when_it_is_back(  # noqa: PLR0917 - fixtures
    gateway, store, database, broker, leave, registered
):
    if registered:
        await register(database, 25)
    broker.kill()
    await leave([fire_of(25)], "close")
    await until(lambda: rows_in(gateway, "record"), "on the disk")
    broker.start()
    await until(lambda: store.of("fire"), "the fire")
    assert len(store.of("fire")) == 1


@pytest.mark.parametrize("registered", [False, True])
async def test_a_kill_between_hearing_and_looking_up_loses_nothing(  # noqa: PLR0917 - fixtures
    program, database, postgres, broker, store, gateway_port, leave, wire, registered
):
    if registered:
        await register(database, 26)
    line = await wire(postgres.port)
    started = program(
        "gateway",
        DATABASE_URL=database.replace(f":{postgres.port}/", f":{line.port}/"),
        MQTT_URL=broker.url,
        GATEWAY_PORT=gateway_port,
    )
    await asyncio.to_thread(started.wait_ready)
    line.stall()
    await leave([fire_of(26)], "close")
    await until(lambda: rows_in(started, "heard") + rows_in(started, "record"), "on the disk")
    started.kill()
    line.restore()
    started.restart()
    await asyncio.to_thread(started.wait_ready)
    await until(lambda: store.of("fire"), "the fire")
    assert store.of("fire")[0]["device"] == ("panel-26" if registered else "utd-1a0000000000")
    await until(lambda: not rows_in(started, "heard"), "nothing waits any more")
    assert len(store.of("fire")) == 1


async def test_a_look_up_that_fails_of_itself_costs_no_fire(bare_gateway, store, postgres, database, leave):
    postgres.sql("alter table device rename column gateway_profile to moved", database.rpartition("/")[2])
    await leave([fire_of(27)], "close")
    await until(lambda: store.of("fire"), "the fire")
    assert bare_gateway.process.poll() is None


async def test_two_hundred_panels_that_hang_up_are_two_hundred_alarms(whole, database, leave):
    """Half of them registered, a third each close, half-close or reset."""
    numbers = range(2000, 2200)
    await register(database, *numbers[:100])
    ways = itertools.cycle(WAYS)
    await asyncio.gather(*(leave([fire_of(number)], next(ways)) for number in numbers))
    connection = await asyncpg.connect(database)

    async def all_of_them():
        return await connection.fetchval("select count(*) from alarm where code = 'fire'") >= 200

    await eventually(all_of_them, what="every alarm")
    codes = await connection.fetch(
        "select d.code from alarm a join device d on d.id = a.device_id where a.code = 'fire'"
    )
    await connection.close()
    # on a busy machine a look-up may take longer than a fire waits for it: then the address speaks for the panel
    names = {f"utd-{address_of(number).hex()}": f"panel-{number}" for number in numbers}
    assert sorted(names.get(row["code"], row["code"]) for row in codes) == sorted(names.values())
