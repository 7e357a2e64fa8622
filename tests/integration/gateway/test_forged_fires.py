"""Twelve links forge fires: registered panels never wait for them, and the desk has one more thing to look at."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from services.gateway.limits import Limits
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import address_of, detector_state
from tests.integration.gateway.leaving import known, look_ups_failed, register
from tests.support.waiting import eventually

LINKS, SECONDS = 12, 15
CROWD = "utd-unregistered"


def most_after(seconds: float) -> tuple[int, int]:
    """How many devices and how many fires the links may have made of it in so many seconds. All have one address."""
    limits = Limits()
    first, own, shared = (
        burst + rate * seconds
        for rate, burst in (limits.first_fires_of_peer, limits.fires_of_stranger, limits.fires_of_strangers)
    )
    return int(first) + 1, int(first + LINKS // 2 * own + shared) + 1


@pytest.fixture
def forgers(gateway_port):
    started = []

    def start() -> None:
        command = [sys.executable, "-m", "tests.integration.gateway.forging", str(gateway_port), str(LINKS)]
        started.append(subprocess.Popen(command))

    yield start
    for one in started:
        one.kill()
        one.wait()


async def test_registered_panels_are_confirmed_and_strangers_fill_no_registry(
    whole, database, gateway_port, dial, forgers
):
    await register(database, 71)
    await known(whole[2])
    panel = await dial(71)
    await panel.confirmed(panel.send(b""))
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    forgers()
    connection = await asyncpg.connect(database)
    until_s, point = loop.time() + SECONDS, 0
    while loop.time() < until_s:
        await panel.confirmed(panel.send(detector_state(0b11, 5, point)))
        point += 1
        await asyncio.sleep(0.25)
    for number in range(72, 92):  # registered in the middle of it
        failed = look_ups_failed(whole[2])
        late = await dial(number)
        await register(database, number)
        await late.confirmed(late.send(detector_state(0b11)))
        if look_ups_failed(whole[2]) == failed:
            break  # else the database was too busy to answer within the second that a fire waits
    named = f"panel-{number}"

    async def alarms():
        rows = await connection.fetch(
            """select d.code, count(*) as fires from alarm a join device d on d.id = a.device_id
               where a.code = 'fire' group by 1"""
        )
        of = {row["code"]: row["fires"] for row in rows}
        return of if of.keys() >= {"panel-71", named, CROWD} and of["panel-71"] >= point else None

    of = await eventually(alarms, what="every alarm of the registered ones")
    devices = await connection.fetchval("select count(*) from device where not registered")
    await connection.close()
    assert of.pop("panel-71") == point
    assert of.pop(named) == 1
    assert of.pop(CROWD) == 1  # all that is beyond the budget: one alarm, which says how many
    most_devices, most_fires = most_after(loop.time() - begun_s)
    assert devices <= most_devices
    assert sum(of.values()) <= most_fires, of


async def test_an_honest_stranger_is_heard_in_the_middle_of_it(gateway, store, dial, forgers):
    forgers()
    await until(lambda: any(event["device"] == CROWD for event in store.of("fire")), "the surplus is told")
    panel = await dial(73)
    await panel.confirmed(panel.send(detector_state(0b11)))
    assert [event["component"] for event in store.of("fire") if event["device"] == f"utd-{address_of(73).hex()}"]
    (told, *_) = [event for event in store.of("fire") if event["device"] == CROWD]
    assert told["refused_fires"] > 0
    assert told["peers"] == ["127.0.0.1"]
    assert 0 < len(told["addresses"]) <= 20
