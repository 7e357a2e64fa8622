"""What a link does as hours and days go by: a real socket, a clock that the test drives, a stand-in intake."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.core.aside import Unit
from services.gateway.door import Door
from services.gateway.downlink import TRIES, Exchange, data_unit
from services.gateway.frames import (
    CONFIRM,
    CONTROL,
    DENY,
    RESPONSE,
    SEND,
    Damage,
    Decoder,
    Frame,
    answer,
    encode,
    read_time,
    sum8,
    xor8,
)
from services.gateway.limits import Limits
from services.gateway.link import Link
from services.gateway.misread import Copies
from services.gateway.objects import Item, read_unit, write_unit
from services.gateway.post import Caller, Said
from services.gateway.profiles import Profile, load_profiles
from tests.integration.gateway.conftest import until
from tests.integration.gateway.dialling import CENTRE, PanelSocket, address_of, detector_state, label
from tests.support.waiting import PATIENCE_S

HOUR_S = 3600.0
START = datetime(2026, 5, 1, 8, 0, 0, tzinfo=UTC)
PROFILES = load_profiles()


class DrivenClock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at_s - 1000.0)

    def monotonic(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Taker:
    """Confirms at once and keeps what it was told; addresses below 1000 are registered."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.failures: list[int] = []
        self.garbles = 0
        self.gone: list[bytes] = []

    def profile_of(self, link: Link, address: bytes) -> Profile | None:
        return self.profile

    def checksum_of(self, link: Link, address: bytes) -> str:
        return self.profile.checksum

    def is_registered(self, address: bytes) -> bool:
        return int.from_bytes(address, "little") < 1000

    def around(self, unit: Unit | Callable[[], Unit]) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def has_room(self, address: bytes) -> bool:
        return True

    def keep(self, link: Link, said: Said, then: Callable[[], None] | None) -> None:
        if then is not None:
            asyncio.get_running_loop().call_soon(then)

    def let_go(self, said: Said) -> None:
        pass

    def next_number(self) -> int:
        return 0

    def first_word(self, link: Link, caller: Caller) -> None:
        pass

    def frame(self, link: Link, caller: Caller, said: Said) -> None:
        frame = said.frame
        if frame.command == SEND:
            link.reply(frame, CONFIRM)
        else:
            caller.exchanges.answered(frame, read_unit(frame.adu))

    def garbled(self, link: Link, claimed: bytes) -> None:
        self.garbles += 1

    def misread_of(self, link: Link, address: bytes) -> None:
        pass

    def misread(self, link: Link, damage: Damage, copies: Copies) -> None:
        pass

    def failed(self, link: Link, caller: Caller, exchange: Exchange) -> None:
        self.failures.append(exchange.flag)

    def left(self, link: Link, caller: Caller) -> None:
        self.gone.append(caller.address)

    def closed(self, link: Link) -> None:
        pass


class Centre:
    """A door on a port of its own, its clock and its intake."""

    def __init__(self, profile: Profile) -> None:
        self.clock = DrivenClock()
        self.taker = Taker(profile)
        self.links: list[Link] = []
        self._door = Door(self.taker, self.clock, Limits(), PROFILES)
        self.port = 0

    def new_link(self) -> Link:
        self.links.append(self._door.new_link())
        return self.links[-1]

    def go_on(self, seconds: float) -> None:
        """Let time pass and every link look at it."""
        self.clock.at_s += seconds
        for link in self.links:
            link.tick(self.clock.at_s)


@pytest.fixture
async def centre(request) -> AsyncIterator[Centre]:
    made = Centre(PROFILES[getattr(request, "param", "standard")])
    server = await asyncio.get_running_loop().create_server(made.new_link, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    for link in made.links:
        link.close("the test ends")
    server.close()


@pytest.fixture
async def panel(centre) -> AsyncIterator[PanelSocket]:
    made = await PanelSocket.dial(centre.port, 7)
    yield made
    await made.close()


async def beat(panel: PanelSocket) -> None:
    await panel.confirmed(panel.send(b""))


def clocks_set(panel: PanelSocket) -> list[datetime | None]:
    return [read_time(order.adu[2:]) for order in panel.orders if order.adu[:2] == b"\x5a\x01"]


async def test_the_clock_of_a_panel_is_set_a_second_after_it_came_and_then_once_a_day(centre, panel):
    await beat(panel)
    centre.go_on(0.9)
    await beat(panel)
    assert panel.orders == []
    centre.go_on(0.2)
    order = await panel.order(90)
    assert (order.command, order.source, order.destination) == (CONTROL, CENTRE, address_of(7))
    for _ in range(2 * 24):
        centre.go_on(HOUR_S)
        await beat(panel)
        for asked in [one for one in panel.orders if one.adu[:1] == b"\x51"][-1:]:
            panel.write(encode(answer(asked, RESPONSE, write_unit(21, [Item(state=1, time=label())]))))
    await panel.order(90, count=3)
    # what clocks on the wall show, eight hours before UTC, a second after whole hours
    assert [str(told) for told in clocks_set(panel)] == [f"2026-05-0{day} 16:00:01" for day in (1, 2, 3)]
    assert centre.taker.failures == []


async def test_a_panel_that_is_given_another_profile_is_spoken_to_by_it_on_its_open_link(centre, panel):
    await beat(panel)
    centre.go_on(1.1)
    await panel.order(90)
    centre.taker.profile = centre.taker.profile.model_copy(update={"utc_offset_min": 0, "component_address": "flat"})
    await beat(panel)
    centre.go_on(1.1)
    await panel.order(90, count=2)
    assert [str(told) for told in clocks_set(panel)] == ["2026-05-01 16:00:01", "2026-05-01 08:00:02"]
    centre.taker.profile = centre.taker.profile.model_copy(update={"clock_sync_s": 0})
    await beat(panel)
    for _ in range(50):
        centre.go_on(HOUR_S / 2)
        await beat(panel)
    assert len(clocks_set(panel)) == 2
    caller = centre.links[0].callers[address_of(7)]
    assert data_unit("read_component_state", {"point": 7}, caller.profile, START)[1].hex() == "3e01010107000000"


async def test_an_order_without_an_answer_is_said_four_times_ten_seconds_apart_with_one_serial(centre, panel):
    panel.confirm_orders = False
    await beat(panel)
    centre.go_on(1.1)
    await panel.order(90)
    for turn in range(2, TRIES + 1):
        centre.go_on(9)
        await beat(panel)
        assert len(clocks_set(panel)) == turn - 1
        centre.go_on(1)
        await panel.order(90, count=turn)
    assert centre.taker.failures == []
    centre.go_on(10)
    assert centre.taker.failures == [90]
    assert len({order.serial for order in panel.orders if order.adu[:1] == b"\x5a"}) == 1
    await beat(panel)


async def test_a_device_may_begin_with_its_first_heartbeat_but_not_stay_silent_for_ever(centre, panel):
    mute = await PanelSocket.dial(centre.port, 8)
    await until(lambda: len(centre.links) == 2, "both links are there")
    centre.go_on(45)
    await beat(panel)
    centre.go_on(20)
    await asyncio.wait_for(mute.closed.wait(), PATIENCE_S)
    await beat(panel)
    await mute.close()


async def test_a_multiplexer_brings_any_number_of_registered_panels_and_a_few_strangers(centre, panel):
    strangers = [panel.frame(b"", source=address_of(2000 + number)) for number in range(Limits().sources_per_link + 1)]
    own = [panel.frame(b"", source=address_of(100 + number)) for number in range(80)]
    panel.write(b"".join(map(encode, (*strangers, *own))))
    for frame in (*strangers[:-1], *own):
        await panel.confirmed(frame)
    assert all(reply.serial != strangers[-1].serial for reply in panel.replies)
    await beat(panel)


async def test_an_address_that_is_silent_for_too_long_takes_nobody_else_off_its_link(centre, panel):
    panel.confirm_orders = False  # for address 8 would speak by that
    await beat(panel)
    await panel.confirmed(panel.send(b"", source=address_of(8)))
    for _ in range(4):
        centre.go_on(centre.taker.profile.silence_limit_s / 3)
        await beat(panel)
    assert centre.taker.gone == [address_of(8)]
    await panel.confirmed(panel.send(b"", source=address_of(8)))
    assert len(centre.links[0].callers) == 2


async def test_a_flood_of_others_never_makes_a_stranger_with_sound_frames_wait(centre):
    stranger = await PanelSocket.dial(centre.port, 4000)
    flood = [(await asyncio.open_connection("127.0.0.1", centre.port))[1] for _ in range(400)]
    for writer in flood:
        writer.write(bytes(100_000))
    for turn in range(200):  # twenty seconds
        await stranger.confirmed(stranger.send(detector_state(0b10, point=turn)))
        centre.go_on(0.1)
    for writer in flood:
        writer.transport.abort()
    await stranger.close()


@pytest.mark.parametrize("centre", ["xor"], indirect=True)
async def test_a_profile_with_another_checksum_hears_and_answers_with_it(centre):
    reader, writer = await asyncio.open_connection("127.0.0.1", centre.port)
    decoder = Decoder(lambda _: xor8)
    for serial, checksum in enumerate((xor8, None)):
        frame = Frame(serial, SEND, address_of(7), CENTRE, b"\x16", time=label())
        writer.write(encode(frame, checksum) if checksum else encode(frame))
        (reply,) = decoder.feed(await asyncio.wait_for(reader.read(100), PATIENCE_S))
        assert reply == answer(frame, CONFIRM if checksum else DENY)
    writer.close()


async def test_a_profile_with_the_wrong_checksum_does_harm_only_until_it_is_corrected(centre):
    reader, writer = await asyncio.open_connection("127.0.0.1", centre.port)
    right, wrong = centre.taker.profile, centre.taker.profile.model_copy(update={"checksum": "xor8"})
    for serial, profile in enumerate((right, wrong, wrong, right, right)):
        centre.taker.profile = profile
        frame = Frame(serial, SEND, address_of(7), CENTRE, b"\x16", time=label())
        writer.write(encode(frame))
        (reply,) = Decoder(lambda _, is_right=profile is right: sum8 if is_right else xor8).feed(
            await asyncio.wait_for(reader.read(100), PATIENCE_S)
        )
        assert reply == answer(frame, CONFIRM if profile is right else DENY)
    writer.close()


async def test_a_thousand_small_frames_in_one_write_are_all_answered_and_in_order(centre, panel):
    frames = [panel.frame(bytes((number % 256,)), source=address_of(7)) for number in range(1000)]
    await beat(panel)
    panel.write(b"".join(map(encode, frames)))
    await panel.confirmed(frames[-1])
    assert [reply.serial for reply in panel.replies] == [panel.serial, *(frame.serial for frame in frames)]
