"""The MQTT session against a real broker, on the chunked read and on the library's own."""

import asyncio
from urllib.parse import urlsplit

import pytest

from services.core.errors import BadSetting
from services.core.mqtt import Session, SessionConfig, SessionTakenOver
from services.core.mqtt_ask import ask
from tests.support.broker_fleet import topic, wait_for
from tests.support.waiting import PATIENCE_S

IN = topic("H1")


class Client:
    """A session with what it received; nothing is acknowledged by itself."""

    def __init__(self, url, name="firetower.test.1", **rest):
        self.got, self.present, self.lost = [], [], 0
        self.session = Session(
            SessionConfig.from_url(urlsplit(url), name, **rest),
            on_delivery=self.got.append,
            on_connected=self.present.append,
            on_lost=self.count_loss,
        )

    def count_loss(self):
        self.lost += 1

    async def __aenter__(self):
        self.task = asyncio.create_task(self.session.run())
        await asyncio.wait({self.task, asyncio.create_task(self.session.ready())}, return_when="FIRST_COMPLETED")
        return self

    async def __aexit__(self, *_):
        await self.session.stop()
        await self.task


@pytest.fixture(params=[True, False], ids=["chunked", "plain"])
def chunked(request):
    return request.param


@pytest.fixture
def client(broker, chunked):
    def make(**rest):
        return Client(broker.url, chunked=chunked, filters=("fire/v1/+/+/+/up/telemetry",), **rest)

    return make


async def test_messages_of_every_size_arrive_in_order(client):
    sizes = [0, 1, 127, 128, 16_383, 16_384, 70_000, 250_000] * 3
    async with client() as one:
        await asyncio.gather(*(one.session.submit(IN, b"x" * size) for size in sizes))
        await wait_for(lambda: len(one.got) == len(sizes), what="every message")
        assert [len(delivery.payload) for delivery in one.got] == sizes
        assert {delivery.topic for delivery in one.got} == {IN}


async def test_receive_maximum_holds_the_broker_back_until_the_ack(client):
    async with client(receive_maximum=5) as one:
        await asyncio.gather(*(one.session.submit(IN, b"%d" % i) for i in range(12)))
        await wait_for(lambda: len(one.got) == 5, what="a full window")
        await asyncio.sleep(0.2)
        assert len(one.got) == 5
        one.session.ack(one.got[:3])
        await wait_for(lambda: len(one.got) == 8, what="three more")


async def test_what_was_not_acknowledged_comes_again_and_old_acks_are_dropped(client, broker):
    async with client() as one:
        await one.session.publish(IN, b"1")
        await one.session.publish(IN, b"2")
        await wait_for(lambda: len(one.got) == 2, what="both messages")
        one.session.ack(one.got[:1])
        for _ in range(2):  # once the broker has taken the second it has written down the ack before the first
            await one.session.publish(topic("H1", "down/command"), b"")
        broker.kill()
        broker.start()
        await wait_for(lambda: len(one.got) == 3, what="the second one again")
        await wait_for(lambda: one.present == [False, True], what="the session known again")
        assert one.got[2].payload == b"2"
        assert one.session.ack(one.got[1:2]) == 1
        assert one.session.ack(one.got[2:]) == 0
        assert (one.session.stale_acks, one.lost) == (1, 1)


async def test_the_session_keeps_messages_while_nobody_is_there(client, broker):
    async with client():
        pass
    broker.publish(IN, "while away")
    async with client() as again:
        await wait_for(lambda: len(again.got) == 1, what="the message kept")
        assert again.present == [True]


async def test_the_session_keeps_messages_at_qos_0_while_nobody_is_there(client, broker):
    async with client():
        pass
    for number in range(3):
        broker.publish(IN, str(number), qos=0)
    async with client() as again:
        await wait_for(lambda: len(again.got) == 3, what="the messages kept")
        assert [(one.payload, one.qos) for one in again.got] == [(str(number).encode(), 0) for number in range(3)]


async def test_publishes_wait_for_a_broker_that_is_away(client, broker):
    async with client() as one:
        broker.kill()
        await wait_for(lambda: not one.session.connected, what="the loss noticed")
        sending = asyncio.create_task(one.session.publish(IN, b"patient"))
        broker.start()
        await asyncio.wait_for(sending, PATIENCE_S)
        await wait_for(lambda: [d.payload for d in one.got] == [b"patient"], what="the message back")


async def test_another_client_with_our_id_ends_us(client):
    async with client() as other:
        first = client()
        async with first:
            with pytest.raises(SessionTakenOver):
                await asyncio.wait_for(other.task, PATIENCE_S)
            other.task = asyncio.create_task(asyncio.sleep(0))


async def test_wrong_credentials_and_missing_rights_are_one_line(broker):
    for url, filters in (
        (broker.url.replace("://", "://x"), ()),
        (broker.fleet_url, ("fire/v1/+/+/+/up/#",)),
    ):
        session = Session(SessionConfig.from_url(urlsplit(url), "firetower.bad", filters=filters))
        with pytest.raises(BadSetting, match="FIRETOWER_MQTT_URL") as caught:
            await asyncio.wait_for(session.run(), PATIENCE_S)
        assert "\n" not in str(caught.value)
        assert urlsplit(url).password not in str(caught.value)


async def test_an_optional_subscription_may_be_refused(broker):
    async with Client(broker.fleet_url, "firetower.opt", optional_filters=("$SYS/#",)) as one:
        assert one.session.connected


async def test_one_question_one_answer(broker):
    config = SessionConfig.from_url(urlsplit(broker.provisioner_url), "firetower.ask.1")
    (answer,) = await ask(config, [{"command": "listRoles"}])
    assert (answer["command"], "error" in answer) == ("listRoles", False)
    told, refused = await ask(config, [{"command": "listRoles"}, {"command": "nonsense"}])
    assert ("error" in told, "error" in refused) == (False, True), "an answer to each, in their order"
    with pytest.raises(TimeoutError):
        await ask(config, [], timeout_s=0.3)
