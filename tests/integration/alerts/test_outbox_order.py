"""In which order 119 is sent what it must hear of a fire, and that all of it is sent once 119 answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.alerts.deliver import FIRE_NEWS, FIRES, SQL, Lane
from services.core.alarms.fires.site import FireHappening
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Place
from services.core.alarms.life.happenings import Evidence, EvidenceKind, Finding, Reset, Tick
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.support.county import AREA, County
from tests.support.hand_clock import START

WHY = Reason("原因", "reason")
STORIES = 40


@dataclass
class Story:
    """The fires of one site with two panels, whose notices nobody has taken yet, and what 119 took in which order."""

    conn: asyncpg.Connection
    places: dict[str, Place]
    now: datetime = START
    taken: list[tuple[str, int, int]] = field(default_factory=list)  # type, alarm, number

    def code(self, device: str) -> str:
        return self.places[device].device or ""

    async def happen(self, device: str, happening: FireHappening) -> None:
        place = self.places[device]
        async with self.conn.transaction():
            page = Page(self.conn, self.now, await load_policies(self.conn))
            await page.load_scope(place.scope)
            await page.take_fire(place.scope, happening, "event", place)
            await page.write()

    async def fire(
        self, component: str = "d1", device: str = "p1", *, manual: bool = False, active: bool = True
    ) -> None:
        finding = Finding(
            "fire", Category.FIRE, Severity.CRITICAL, WHY, active, self.code(device), AREA, component, cause="fire",
            confidence=Confidence.CONFIRMED if manual else Confidence.SUSPECTED,
            part=Part.CALL_POINT if manual else Part.DETECTOR, manual=manual,
        )  # fmt: skip
        await self.happen(device, finding)

    async def feedback(self, device: str = "p1") -> None:
        evidence = Evidence(self.now, EvidenceKind.SUPPORT, self.code(device), "x", Part.OTHER, WHY)
        await self.happen(device, evidence)

    async def reset(self, device: str = "p1") -> None:
        await self.happen(device, Reset(self.code(device), "", WHY))

    async def wait(self, seconds: float) -> None:
        end = self.now + timedelta(seconds=seconds)
        while (due := await self.conn.fetchval("select min(due_at) from alarm where state <> 'closed'")) is not None:
            if due > end:
                break
            self.now = max(self.now, due)
            await self.happen("p1", Tick())
        self.now = end

    async def verify(self, outcome: str, *, which: int = 0) -> None:
        """Judge one of the fires that are open, if there are any."""
        fires = await self.conn.fetch("select id from alarm where code = 'fire' and state <> 'closed' order by id")
        if fires:
            alarm = fires[which % len(fires)]["id"]
            await acts.verify(self.conn, alarm, outcome=outcome, note="", actor="user:t", now=self.now)

    async def claim(self, lane: Lane, left_out: list[UUID] | None = None) -> list[asyncpg.Record]:
        until, types = self.now + timedelta(seconds=10), list(lane.types)
        return await self.conn.fetch(
            SQL["claim"], uuid4(), self.now, until, lane.fire, lane.workers, lane.desk, types, left_out or [], None
        )  # fmt: skip

    async def take(self, notice: UUID) -> None:
        """Let 119 accept one notice."""
        await self.conn.execute(SQL["delivered"], notice, self.now, 200, None)
        (row,) = await self.conn.fetch("select type, alarm_id, number from notice where id = $1", notice)
        self.taken.append((row["type"], row["alarm_id"], row["number"]))

    async def drain(self, left_out: list[UUID] | None = None) -> list[str]:
        """Let 119 answer until there is nothing that it may be sent; return the types that it accepted, in order.

        Of what goes side by side an escalation arrives first, and a confirmation last.
        """
        before = len(self.taken)
        while claimed := [*await self.claim(FIRES, left_out), *await self.claim(FIRE_NEWS, left_out)]:
            first = min(claimed, key=lambda one: (one["type"] == "fire.confirmed", one["type"] != "alarm.escalated"))
            await self.take(first["id"])
            await self.conn.execute(SQL["forget_claims"])
        return [kind for kind, _, _ in self.taken[before:]]

    async def waiting(self) -> list[str]:
        rows = await self.conn.fetch("select type from notice where state = 'waiting' order by alarm_id, number")
        return [row["type"] for row in rows]


@pytest.fixture
async def story(county: County) -> Story:
    return await begin(county, "1")


async def begin(county: County, name: str) -> Story:
    site = await county.add_site(f"学校 {name}")
    places = {}
    for short in ("p1", "p2"):
        number = await county.add_device(f"{short}-{name}", site_id=site)
        places[short] = Place(f"device:{number}", number, f"{short}-{name}", site, AREA)
    return Story(county.conn, places)


async def test_a_confirmation_goes_first_where_an_end_waits_behind_the_escalation(story: Story) -> None:
    await story.fire()
    await story.wait(180)
    await story.reset()
    await story.verify("real")
    assert await story.waiting() == ["alarm.escalated", "alarm.cleared", "fire.confirmed"]
    assert await story.drain() == ["fire.confirmed", "alarm.escalated", "alarm.cleared"]


async def test_a_confirmation_goes_first_where_news_wait_behind_the_escalation(story: Story) -> None:
    await story.fire()
    await story.wait(180)
    await story.feedback()
    await story.fire("d2")
    assert (await story.waiting())[:3] == ["alarm.escalated", "alarm.updated", "fire.confirmed"]
    await story.drain()
    first = min(alarm for _, alarm, _ in story.taken)
    told = [(kind, number) for kind, alarm, number in story.taken if alarm == first]
    assert told == [("fire.confirmed", 3), ("alarm.escalated", 1), ("alarm.updated", 2)]


async def test_a_confirmation_waits_for_the_older_news_of_an_escalation_that_has_arrived(story: Story) -> None:
    await story.fire()
    await story.wait(180)
    assert await story.drain() == ["alarm.escalated"]
    await story.reset()
    await story.verify("real")
    assert await story.drain() == ["alarm.cleared", "fire.confirmed"]


async def test_a_confirmation_overtakes_the_escalation_of_another_fire_of_its_incident(story: Story) -> None:
    await story.fire()
    await story.wait(180)
    await story.fire("m1", "p2", manual=True)
    assert await story.waiting() == ["alarm.escalated", "alarm.updated", "fire.confirmed"]
    assert await story.drain() == ["fire.confirmed", "alarm.escalated", "alarm.updated"]


async def test_119_hears_of_a_fire_by_its_confirmation_before_the_news_of_another_detector(story: Story) -> None:
    await story.fire()
    await story.fire("d2")
    assert sorted(await story.waiting()) == ["alarm.updated", "fire.confirmed"]
    assert await story.claim(FIRE_NEWS) == [], "nobody has tried to tell 119 of the fire yet"
    (confirmed,) = await story.claim(FIRES)
    assert await story.claim(FIRE_NEWS) == [], "it is on its way"
    await story.take(confirmed["id"])
    assert [one["type"] for one in await story.claim(FIRE_NEWS)] == ["alarm.updated"]


async def test_news_of_a_fire_wait_no_longer_than_the_first_attempt_to_tell_of_it(story: Story) -> None:
    await story.fire()
    await story.fire("d2")
    (confirmed,) = await story.claim(FIRES)
    await story.conn.execute(SQL["retry"], confirmed["id"], story.now, 503, "HTTP 503")
    assert [one["type"] for one in await story.claim(FIRE_NEWS)] == ["alarm.updated"], "119 may take one of them"


async def test_news_of_a_fire_wait_for_no_confirmation_that_is_set_aside(story: Story) -> None:
    await story.fire()
    await story.fire("d2")
    spoilt = await story.conn.fetchval("select id from notice where type = 'fire.confirmed'")
    assert [one["type"] for one in await story.claim(FIRE_NEWS, [spoilt])] == ["alarm.updated"]


async def test_news_of_a_fire_wait_for_no_confirmation_that_waits_for_older_news_which_a_person_holds(
    story: Story,
) -> None:
    await story.fire()
    await story.fire("d1", "p2")
    await story.wait(180)
    await story.drain()
    await story.reset()
    await story.conn.execute("update notice set state = 'held' where state = 'waiting'")
    await story.verify("real")
    await story.reset("p2")
    assert await story.waiting() == ["fire.confirmed", "alarm.updated", "alarm.cleared"]
    assert await story.drain() == ["alarm.updated", "alarm.cleared"]


@pytest.mark.parametrize("end", ["dead", "withdrawn", "held"])
async def test_an_escalation_waits_for_no_confirmation_that_nobody_sends(story: Story, end: str) -> None:
    await story.fire()
    await story.wait(180)
    await story.fire("m1", "p2", manual=True)
    await story.conn.execute("update notice set state = $1 where type = 'fire.confirmed'", end)
    assert await story.drain() == ["alarm.escalated", "alarm.updated"]


async def test_what_is_set_aside_holds_up_nothing_else(story: Story) -> None:
    await story.fire()
    await story.wait(180)
    await story.reset()
    await story.verify("real")
    spoilt = await story.conn.fetchval("select id from notice where type = 'fire.confirmed'")
    assert await story.drain([spoilt]) == ["alarm.escalated", "alarm.cleared"]
    assert await story.drain() == ["fire.confirmed"]


async def test_a_notice_that_is_sent_again_keeps_the_time_when_119_first_took_it(story: Story) -> None:
    await story.fire("m1", manual=True)
    (first,) = await story.claim(FIRES)
    await story.take(first["id"])
    taken_at = story.now
    await story.wait(600)
    await acts.replay_notice(story.conn, first["id"], actor="user:t", now=story.now)
    (again,) = await story.claim(FIRES)
    await story.take(again["id"])
    assert (first["first"], again["first"]) == (True, False), "only the first is measured"
    row = await story.conn.fetchrow("select state, delivered_at from notice where id = $1", first["id"])
    assert tuple(row or ()) == ("delivered", taken_at)


Deed = Callable[[Story, Random], Any]
DEEDS: list[Deed] = [
    lambda story, chance: story.fire(chance.choice(["d1", "d2", ""]), chance.choice(["p1", "p2"])),
    lambda story, chance: story.fire("d1"),
    lambda story, chance: story.fire(chance.choice(["d1", "d2"]), chance.choice(["p1", "p2"]), active=False),
    lambda story, chance: story.fire("m1", chance.choice(["p1", "p2"]), manual=True),
    lambda story, chance: story.feedback(),
    lambda story, chance: story.reset(chance.choice(["p1", "p2"])),
    lambda story, chance: story.wait(chance.choice([5, 61, 181, 181, 2000])),
    lambda story, chance: story.verify(chance.choice(["real", "real", "false", "test"]), which=chance.randrange(3)),
]


async def suffer(story: Story, chance: Random) -> None:
    """Let 119 answer a little, refuse, or fail, while the fires go on."""
    for one in await story.claim(chance.choice([FIRES, FIRE_NEWS])):
        fate = chance.choice(["take", "fail", "fail", "refuse"])
        if fate == "take":
            await story.take(one["id"])
        elif fate == "fail":
            await story.conn.execute(SQL["retry"], one["id"], story.now, 503, "HTTP 503")
        else:
            await story.conn.execute(SQL["dead"], one["id"], story.now, 400, "HTTP 400")
            if chance.random() < 0.5:
                await acts.replay_notice(story.conn, one["id"], actor="user:t", now=story.now)


@pytest.mark.parametrize("seed", range(STORIES))
async def test_whatever_becomes_of_a_fire_the_outbox_drains_once_119_answers(county: County, seed: int) -> None:
    chance = Random(seed)
    story = await begin(county, str(seed))
    await story.fire()
    await story.wait(chance.choice([5, 181]))
    for _ in range(10):
        await chance.choice(DEEDS)(story, chance)
        if chance.random() < 0.3:
            await suffer(story, chance)
    left = await story.conn.fetch("select alarm_id, incident_id, number, type from notice where state = 'waiting'")
    begun = len(story.taken)
    await story.drain()
    assert await story.waiting() == []
    order = story.taken[begun:]
    place = {(alarm, number): at for at, (_, alarm, number) in enumerate(order)}
    confirmed = {
        row["incident_id"]: place[row["alarm_id"], row["number"]] for row in left if row["type"] == "fire.confirmed"
    }
    for row in left:
        if row["type"] == "alarm.escalated" and row["incident_id"] in confirmed:
            escalated = place[row["alarm_id"], row["number"]]
            assert confirmed[row["incident_id"]] < escalated, "119 hears first that it is confirmed"
    for alarm in {row["alarm_id"] for row in left}:
        numbers = [number for kind, of, number in order if of == alarm and kind != "fire.confirmed"]
        assert numbers == sorted(numbers), "all else in order"
