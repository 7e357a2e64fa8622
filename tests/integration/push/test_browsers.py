"""A phone is told of the fires of its person's areas, by a push service that may be slow, away, or hostile."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.integration.push.conftest import Subscribe
from tests.support.county import AREA, County
from tests.support.push_service import PushService
from tests.support.servers import Program
from tests.support.waiting import eventually

OTHER = "140931101"
CONTACT = "mailto:duty@county.example"
GREETING = "望火楼通知已开启"
Push = Callable[..., Program]


class Night:
    """A county whose people have phones, and the fires of one night."""

    def __init__(self, county: County, push: Push, stack: AsyncExitStack) -> None:
        self.county, self.conn = county, county.conn
        self._push, self._stack = push, stack
        self._panels: set[str] = set()

    async def service(self) -> PushService:
        """Open a push service."""
        return await self._stack.enter_async_context(PushService())

    async def begin(self, **env: Any) -> Program:
        """Start push with a way out."""
        started = self._push(WEB_PUSH_CONTACT=CONTACT, **env)
        await eventually(lambda: self.conn.fetchval("select is_on from web_push_state"), what="it is switched on")
        return started

    def begin_shut(self) -> Program:
        """Start push without a way out."""
        return self._push()

    async def burn(
        self, component: str, area: str = AREA, zone: str | None = None, now: datetime | None = None
    ) -> None:
        """Open a fire, as alerts does."""
        code = f"panel-{area}"
        if code not in self._panels:
            site = await self.county.add_site(f"医院 {area}", area)
            await self.county.add_device(code, "panel", area, site_id=site, name=f"医院 {area} 主机")
            self._panels.add(code)
        device = self.county.id_of(code)
        place = Place(f"device:{device}", device, code, area=area)
        finding = Finding(
            "fire", Category.FIRE, Severity.CRITICAL, Reason("火", "fire"), cause="fire", device=code, area=area,
            component=component, zone=zone, part=Part.DETECTOR, confidence=Confidence.SUSPECTED,
        )  # fmt: skip
        async with self.conn.transaction():
            page = Page(self.conn, now or datetime.now(UTC), await load_policies(self.conn))
            await page.load_scope(place.scope)
            await page.take_fire(place.scope, finding, "event", place)
            await page.write()

    async def turn_on(
        self, name: str, service: PushService, areas: tuple[str, ...] = ("*",), language: str = "zh"
    ) -> None:
        """Sign a person in and turn the notices of a browser on, as the API does."""
        endpoint, phone = service.register(name)
        person = await self.conn.fetchval(
            """insert into person (username, password_hash, role, areas) values ($1, '', 'duty_officer', $2)
               returning id""",
            name,
            list(areas),
        )
        await self.conn.execute(
            "insert into web_session (token_hash, person_id, created_at, expires_at) values ($1, $2, $3, $4)",
            session_of(name),
            person,
            datetime.now(UTC),
            datetime.now(UTC) + timedelta(days=7),
        )
        await self.conn.execute(
            """insert into web_push (session_hash, person_id, endpoint, p256dh, auth, public_key, language, created_at,
                                     told_to)
               values ($1, $2, $3, $4, $5, (select public_key from web_push_state), $6, now(),
                       (select coalesce(max(number), 0) from subscription_event))""",
            session_of(name), person, endpoint, phone.p256dh, phone.auth, language,
        )  # fmt: skip


def session_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


@pytest.fixture
async def night(county: County, push: Push) -> AsyncIterator[Night]:
    async with AsyncExitStack() as stack:
        yield Night(county, push, stack)


async def test_a_fire_reaches_the_phones_of_its_area_sealed_signed_and_in_their_language(night: Night) -> None:
    service = await night.service()
    await night.begin()
    await night.turn_on("county", service, language="en")
    await night.turn_on("here", service, (AREA,))
    await night.turn_on("there", service, (OTHER,))
    for name in ("here", "there"):
        await eventually(lambda name=name: service.titles(name) == [GREETING], what="the greeting")
    await night.burn("1-17")
    await eventually(lambda: len(service.titles("here")) == 2, what="the fire")
    await eventually(lambda: len(service.titles("county")) == 2, what="the fire at the county")
    assert service.titles("here")[1] == f"新火警：医院 {AREA}"
    assert service.titles("county")[1] == f"New fire: 医院 {AREA}"
    assert "1-17" in service.told["/here"][1]["body"]
    await night.burn("9-1", OTHER)
    await eventually(lambda: len(service.titles("there")) == 2, what="the fire elsewhere")
    await eventually(lambda: len(service.titles("county")) == 3, what="both fires at the county")
    assert len(service.titles("here")) == 2, "a fire of another area"
    assert not service.refused
    (alarm, *_) = await night.county.alarms()
    assert service.told["/here"][1]["tag"] == f"alarm-{alarm['id']}"
    assert [headers["topic"] for path, headers in service.came if path == "/here" and "topic" in headers] == [
        f"alarm-{alarm['id']}"
    ]


async def test_a_phone_whose_page_nobody_opened_for_a_month_is_told(night: Night) -> None:
    service = await night.service()
    await night.begin()
    await night.turn_on("leave", service)
    await eventually(lambda: service.titles("leave") == [GREETING], what="the greeting")
    await night.conn.execute("update web_session set expires_at = now() - interval '23 days'")
    await night.conn.execute("update web_push set language = 'en'")  # so that push reads anew whom it tells
    await night.burn("1-17")
    await eventually(lambda: len(service.titles("leave")) == 2, what="the fire")


async def test_a_fire_that_asks_again_after_somebody_took_it_is_told_again(night: Night) -> None:
    service = await night.service()
    await night.begin()
    await night.turn_on("here", service, (AREA,))
    await eventually(lambda: service.titles("here") == [GREETING], what="the greeting")
    await night.burn("", zone="3F")
    await eventually(lambda: len(service.titles("here")) == 2, what="the fire")
    (alarm,) = await night.county.alarms()
    await night.burn("", zone="3F")  # once more what waits for somebody
    await acts.acknowledge(night.conn, alarm["id"], actor="user:t", now=datetime.now(UTC))
    await night.burn("", zone="5F")
    await eventually(lambda: len(service.titles("here")) == 3, what="that it burns elsewhere too")
    await night.burn("", zone="6F")
    await night.burn("", OTHER)
    await night.burn("1-1")
    await eventually(lambda: len(service.titles("here")) == 4, what="the next fire, and nothing between")


async def test_a_new_fire_on_the_row_of_one_that_nobody_judged_is_told_again(night: Night) -> None:
    service = await night.service()
    await night.begin()
    await night.turn_on("here", service, (AREA,))
    await eventually(lambda: service.titles("here") == [GREETING], what="the greeting")
    for earlier in (timedelta(hours=2), timedelta(hours=2, minutes=-1), timedelta(0)):
        await night.burn("1-1", now=datetime.now(UTC) - earlier)
        if earlier:
            await eventually(lambda: len(service.titles("here")) == 2, what="the fire, told once")
    await eventually(lambda: len(service.titles("here")) == 3, what="the new fire")
    assert len(await night.county.alarms()) == 1


async def test_a_fire_that_was_taken_and_asks_again_while_the_service_was_away_is_one(night: Night) -> None:
    service = await night.service()
    await night.begin()
    await night.turn_on("here", service, (AREA,))
    await eventually(lambda: service.titles("here") == [GREETING], what="the greeting")
    service.answer = lambda _: 503
    await night.burn("", zone="3F")
    (alarm,) = await night.county.alarms()
    await acts.acknowledge(night.conn, alarm["id"], actor="user:t", now=datetime.now(UTC))
    await night.burn("", zone="5F")
    unnumbered = "select count(*) from subscription_event where number is null"

    async def all_have_numbers() -> bool:
        return not await night.conn.fetchval(unnumbered)

    await eventually(all_have_numbers, what="both are told of")
    await eventually(lambda: len(service.came) > 1, what="a refusal")
    service.answer = lambda _: 201
    await eventually(lambda: len(service.titles("here")) == 2, what="the fire")
    assert service.titles("here")[1] == f"新火警：医院 {AREA}"


async def test_a_phone_of_the_old_township_is_told_nothing_of_where_the_device_is_now(night: Night) -> None:
    service = await night.service()
    await night.begin()
    await night.turn_on("here", service, (AREA,))
    await eventually(lambda: service.titles("here") == [GREETING], what="the greeting")
    await night.burn("0-0")
    await eventually(lambda: len(service.titles("here")) == 2, what="a fire before the move")
    site = await night.county.add_site("秘密", OTHER)
    await night.conn.execute("update device set area = $1, site_id = $2, name = '秘密'", OTHER, site)
    await night.burn("1-1")  # alerts does not know of the move yet
    await eventually(lambda: len(service.titles("here")) == 3, what="the fire")
    assert service.titles("here")[2] == f"新火警：panel-{AREA}"
    assert "秘密" not in str(service.told["/here"])


async def test_a_phone_that_is_gone_is_forgotten_and_one_signed_out_or_disabled_hears_nothing(night: Night) -> None:
    service = await night.service()
    await night.begin()
    for name in ("gone", "lost", "left", "stays"):
        await night.turn_on(name, service)
        await eventually(lambda name=name: service.titles(name) == [GREETING], what="the greeting")
    service.answer = lambda path: {"/gone": 410, "/lost": 404}.get(path, 201)
    await night.conn.execute(
        "delete from web_session where token_hash = $1", session_of("left")
    )  # signing out, and disabling a person, delete it
    await night.burn("1-1")
    await eventually(lambda: len(service.titles("stays")) == 2, what="the fire")

    async def only_one() -> bool:
        return [row["endpoint"] for row in await night.conn.fetch("select endpoint from web_push")] == [
            f"{service.origin}/stays"
        ]

    await eventually(only_one, what="the others are forgotten")
    assert service.titles("left") == [GREETING]


async def test_a_silent_service_delays_neither_another_one_nor_a_subscriber(night: Night, subscribe: Subscribe) -> None:
    slow, quick = await night.service(), await night.service()
    subscriber, _ = await subscribe()
    slow.silent = True
    await night.begin()
    for number in range(20):
        await night.turn_on(f"slow-{number}", slow)
    await night.turn_on("quick", quick)
    await eventually(lambda: slow.came, what="the slow one was asked")
    for number in range(3):
        before = len(quick.told.get("/quick", []))
        await night.burn(f"1-{number}")
        await eventually(lambda before=before: len(quick.told.get("/quick", [])) > before, what="the quick phone")
    await eventually(lambda: len(subscriber.took) >= 3, what="the subscriber")
    assert not slow.told


async def test_fires_are_told_after_the_service_was_away_and_after_a_kill_and_never_before_they_are_new(
    night: Night,
) -> None:
    service = await night.service()
    worker = await night.begin()
    await night.burn("0-0")
    unnumbered = "select count(*) from subscription_event where number is null"

    async def all_have_numbers() -> bool:
        return not await night.conn.fetchval(unnumbered)

    await eventually(all_have_numbers, what="that fire in its place before what is new")
    await night.turn_on("late", service)
    await eventually(lambda: service.titles("late") == [GREETING], what="the greeting, and no older fire")
    service.answer = lambda _: 503
    await night.burn("1-1")
    await eventually(lambda: len(service.came) > 1, what="a refusal")
    worker.kill()
    service.answer = lambda _: 201
    worker.restart()
    await eventually(lambda: len(service.titles("late")) == 2, what="the fire, by the next process")
    key = await night.conn.fetchval("select private_key from web_push_state")
    assert key
    assert key not in worker.log_text()


async def test_without_a_contact_nothing_is_called_and_nothing_is_logged(night: Night, subscribe: Subscribe) -> None:
    service = await night.service()
    subscriber, _ = await subscribe()
    worker = await night.begin()
    await night.turn_on("off", service)
    await eventually(lambda: service.titles("off") == [GREETING], what="the greeting")
    worker.stop()
    silent = night.begin_shut()
    await eventually(lambda: subscriber.connections >= 0, what="it works")
    await night.burn("1-1")
    await eventually(lambda: subscriber.took, what="the subscriber hears the fire")
    assert not await night.conn.fetchval("select is_on from web_push_state")
    assert service.titles("off") == [GREETING]
    assert "push_service" not in silent.log_text()


async def test_an_address_inside_is_not_called_even_if_it_is_in_the_table(night: Night) -> None:
    service = await night.service()
    await night.begin(SUBSCRIPTION_NETWORKS="")
    await night.turn_on("inside", service)

    async def refused() -> bool:
        error = await night.conn.fetchval("select last_error from web_push")
        return error is not None and "loopback" in error

    await eventually(refused, what="the guard refuses it")
    assert not service.came


@pytest.mark.parametrize("endpoint", ["https://[", "https://push.example:port/x", ""])
async def test_a_row_that_somebody_spoiled_keeps_no_fire_from_another_phone(night: Night, endpoint: str) -> None:
    service = await night.service()
    started = await night.begin()
    for name in ("spoiled", "sound"):
        await night.turn_on(name, service)
        await eventually(lambda name=name: service.titles(name) == [GREETING], what="the greeting")
    spoil = "update web_push set endpoint = $2 where session_hash = $1"
    await night.conn.execute(spoil, session_of("spoiled"), endpoint)
    await night.burn("1-1")
    await eventually(lambda: len(service.titles("sound")) == 2, what="the fire")
    assert started.process.poll() is None
