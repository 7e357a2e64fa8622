"""Devices on a real broker: what they keep, what they send again, what they say about themselves."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from services.core.clock import SystemClock
from services.core.mqtt import Delivery, Session, SessionConfig
from services.core.topics import Channel, Kind, parse_topic
from simulators.device import Link
from simulators.fleet import Fleet, FleetPlan
from simulators.links import Links
from simulators.scenario import Scenario
from simulators.truth import Truth
from tests.support.servers import Broker
from tests.support.waiting import PATIENCE_S
from tests.support.wire import Wire

BASE = "fire/v1/140931100/panel/PAN-00001"


class Ear:
    """Plays the other side: hears what devices send, and acknowledges events when told to."""

    def __init__(self, broker: Broker) -> None:
        self.heard: list[Delivery] = []
        self.session = Session(
            SessionConfig.from_url(urlsplit(broker.url), "firetower.ear.1", filters=("fire/v1/#",)),
            on_delivery=self._take,
        )

    def _take(self, delivery: Delivery) -> None:
        self.session.ack([delivery])
        if "/up/" in delivery.topic:
            self.heard.append(delivery)

    async def acknowledge(self, base: str, *event_ids: str) -> None:
        await self.session.publish(f"{base}/down/ack", orjson.dumps({"event_ids": list(event_ids)}))

    def payloads(self, channel: Channel) -> list[bytes]:
        return [one.payload for one in self.heard if one.topic.endswith(str(channel))]


@asynccontextmanager
async def running(*parts: Session | Link) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(part.run()) for part in parts]
        yield
        for part in parts:
            await part.stop()
        await asyncio.wait(started)


async def until(condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.02)


def link_to(port: int, broker: Broker, *, resend_readings: bool = True, **callbacks: Callable[..., None]) -> Link:
    url = urlsplit(broker.fleet_url.replace(f":{broker.port}", f":{port}"))
    config = SessionConfig.from_url(url, "firetower.fleet.test", filters=("fire/v1/+/+/+/down/#",), clean_start=True)
    return Link(config, SystemClock(), resend_readings=resend_readings, **callbacks)


async def test_an_event_is_sent_again_at_reconnect_byte_for_byte_until_the_ack_names_it(
    broker: Broker, wire: Callable[[int], Awaitable[Wire]]
) -> None:
    ear, between = Ear(broker), await wire(broker.port)
    link = link_to(between.port, broker)
    async with running(ear.session, link):
        await ear.session.ready()
        await link.ready()
        link.send_event(BASE, "e1", b'{"event_id":"e1"}')
        await until(lambda: len(ear.payloads(Channel.EVENT)) == 1, "first sending")
        await between.cut()
        await until(lambda: len(ear.payloads(Channel.EVENT)) == 2, "sent again after the cut")
        assert len(set(ear.payloads(Channel.EVENT))) == 1
        await ear.acknowledge(BASE, "e1")
        await until(lambda: link.counts.events_acked == 1, "the application ack")
        await between.cut()
        await until(lambda: link.counts.connections == 3, "third connection")
        link.send_event(BASE, "e2", b'{"event_id":"e2"}')
        await until(lambda: b'{"event_id":"e2"}' in ear.payloads(Channel.EVENT), "a later event")
        assert ear.payloads(Channel.EVENT).count(b'{"event_id":"e1"}') == 2


@pytest.mark.parametrize("resend", [True, False])
async def test_readings_acknowledged_just_before_a_loss_are_sent_again_only_by_our_client(
    broker: Broker, wire: Callable[[int], Awaitable[Wire]], resend: bool
) -> None:
    ear, between = Ear(broker), await wire(broker.port)
    acked: list[bytes] = []
    link = link_to(
        between.port, broker, resend_readings=resend, on_reading_acked=lambda _topic, payload: acked.append(payload)
    )
    async with running(ear.session, link):
        await ear.session.ready()
        await link.ready()
        for number in range(20):
            await link.send_reading(f"{BASE}/up/telemetry", b"%d" % number)
        await until(lambda: len(acked) == 20, "every PUBACK")
        await between.cut()
        await until(lambda: link.counts.connections == 2, "reconnect")
        await link.send_reading(f"{BASE}/up/telemetry", b"last")
        await until(lambda: b"last" in ear.payloads(Channel.TELEMETRY), "the newest reading")
        expected = 20 if resend else 0
        await until(lambda: link.counts.readings_resent == expected, "the re-sent ones")
        await until(lambda: len(ear.payloads(Channel.TELEMETRY)) == 21 + expected, "all that was sent")


async def test_a_lost_first_try_is_repaired_by_the_timer_of_the_device(broker: Broker) -> None:
    ear, link = Ear(broker), link_to(broker.port, broker)
    async with running(ear.session, link):
        await ear.session.ready()
        await link.ready()
        link.send_event(BASE, "e1", b'{"event_id":"e1"}', transmit=False)
        await until(lambda: ear.payloads(Channel.EVENT) == [b'{"event_id":"e1"}'], "sent after ten seconds")


async def test_a_device_with_its_own_account_has_a_will_and_a_retained_status(
    broker: Broker, scratch: Path, wire: Callable[[int], Awaitable[Wire]]
) -> None:
    account, between = broker.add_device("PAN-00001"), await wire(broker.port)
    ear, truth, clock = Ear(broker), Truth(None), SystemClock()
    links = Links(
        urlsplit(broker.fleet_url.replace(f":{broker.port}", f":{between.port}")),
        clock,
        own_passwords={account.username: account.password},
    )
    plan = FleetPlan({Kind.PANEL: 2}, scenario=Scenario(intervals_s={Kind.PANEL: 0.3}))
    fleet = Fleet(plan, clock, truth, links=links.for_twin)
    links.on_down = fleet.take_down
    assert len(links.all) == 2
    async with running(ear.session, *links.all):
        await ear.session.ready()
        for link in links.all:
            await link.ready()
        report = asyncio.create_task(fleet.run())
        own_status = next(twin.base for twin in fleet.twins if twin.number == 1) + "/up/status"

        def statuses() -> list[bool]:
            return [json.loads(one.payload)["online"] for one in ear.heard if one.topic == own_status]

        await until(lambda: True in statuses(), "online")
        await between.cut()
        await until(lambda: False in statuses(), "the last will")
        fleet.stop()
        await report


async def test_a_fleet_reports_raises_events_answers_guard_checks_and_hears_its_acks(
    broker: Broker, scratch: Path
) -> None:
    ear, truth, clock = Ear(broker), Truth(scratch / "truth.jsonl"), SystemClock()
    scenario = Scenario.model_validate(
        {
            "intervals_s": {"hydrant": 0.2, "panel": 0.2},
            "step": [
                {"at_s": 1, "on": {"kind": "panel", "numbers": [1]}, "event": {"type": "fire", "component": "1-1"}}
            ],
        }
    )
    plan = FleetPlan({Kind.HYDRANT: 5, Kind.PANEL: 1}, speed=5, scenario=scenario)
    links = Links(urlsplit(broker.fleet_url), clock)
    fleet = Fleet(plan, clock, truth, links=links.for_twin)
    links.on_down = fleet.take_down
    async with running(ear.session, *links.all):
        await ear.session.ready()
        await links.all[0].ready()
        report = asyncio.create_task(fleet.run())
        await until(lambda: len(ear.payloads(Channel.EVENT)) == 1, "the fire of the scenario")
        fire = orjson.loads(ear.payloads(Channel.EVENT)[0])
        base = fleet.twins[-1].base
        await ear.acknowledge(base, fire["event_id"])
        await until(lambda: fleet.counts.events_acked == 1, "the ack")
        await ear.session.publish(f"{base}/down/command", b'{"id":"c1","command":"guard_check","timeout_min":10}')
        await until(
            lambda: any(b"guard_reply" in payload for payload in ear.payloads(Channel.EVENT)), "the person's answer"
        )
        await until(lambda: len(ear.payloads(Channel.TELEMETRY)) > 30, "readings")
        fleet.stop()
        await report
    truth.close()
    lines = [orjson.loads(line) for line in (scratch / "truth.jsonl").read_bytes().splitlines()]
    assert [line["type"] for line in lines if line["what"] == "event"] == ["fire", "guard_reply"]
    devices = {topic.device for one in ear.heard if (topic := parse_topic(one.topic)) is not None}
    assert devices == {twin.code for twin in fleet.twins}


async def test_readings_beyond_the_memory_are_discarded_and_counted_while_the_broker_is_away(broker: Broker) -> None:
    broker.kill()
    url = urlsplit(broker.fleet_url)
    link = Link(SessionConfig.from_url(url, "firetower.fleet.small", clean_start=True, max_outgoing=5), SystemClock())
    async with running(link):
        for number in range(8):
            await link.send_reading(f"{BASE}/up/telemetry", b"%d" % number)
        link.send_event(BASE, "e1", b'{"event_id":"e1"}')
        link.send_status(BASE, online=True)
        assert link.counts.discarded == 3
        assert link.outgoing == 5
        assert len(link.events) == 1
        ear = Ear(broker)
        broker.start()
        async with running(ear.session):
            await ear.session.ready()
            await until(lambda: link.counts.readings_acked == 5, "what was stored is sent")
            await until(lambda: b'{"event_id":"e1"}' in ear.payloads(Channel.EVENT), "the event follows")


async def test_a_refused_publish_and_an_unreadable_ack_are_counted_not_fatal(broker: Broker) -> None:
    link = link_to(broker.port, broker)
    async with running(link):
        await link.ready()
        await link.send_reading("fire/v1/140931100/panel/PAN-00001/down/ack", b"not ours to write")
        await until(lambda: link.counts.refused == 1, "the refusal")
        link.send_event(BASE, "e1", b"{}")
        link.acknowledge(BASE, b"not json")
        assert len(link.events) == 1
        link.acknowledge(BASE, b'{"event_ids":["e1"]}')
        assert len(link.events) == 0
