"""What a rule found and could not be written is kept: how it is tried again, and what makes it void."""

from collections.abc import Callable
from datetime import timedelta

from services.alerts.kept_findings import finding_to_json
from services.alerts.readings import ReadingFeed
from services.alerts.registry import Registry
from services.alerts.rule_states import NO_BOUND, RuleStates
from services.core import db
from services.core.alarms.life.happenings import Finding
from services.core.words import Category, Reason, Severity
from tests.integration.alerts.breaking import send_poisoned_reading
from tests.integration.alerts.calls import border_at
from tests.support.county import AREA, County
from tests.support.hand_clock import START, HandClock
from tests.support.servers import Program
from tests.support.stepped import Stepped
from tests.support.waiting import eventually

CODE = "hydrant_tilt"
END = Finding(CODE, Category.WATER, Severity.MAJOR, Reason("恢复", "upright"), False, "h-1", AREA, cause=CODE)


async def test_a_kept_finding_waits_for_a_lock_between_its_tries_and_not_in_one(county: County, database: str) -> None:
    device = await county.add_device("h-1", "hydrant")
    await Stepped(county.conn, "h-1", device, AREA).condition(CODE, START)
    registry = Registry()
    feed = ReadingFeed(registry, RuleStates(registry), HandClock(START))
    kept = {"device_id": device, "code": CODE, "finding": finding_to_json(END)}
    somebody = await db.connect(database, program="psql")
    async with somebody.transaction():
        await somebody.execute("select from alarm for update")
        await feed.judge_again(border_at(county, START), f"h-1 {CODE}", kept)
    await somebody.close()
    (line,) = await county.conn.fetch("select name, error from set_aside where kind = 'finding'")
    assert line["name"] == f"h-1 {CODE}"
    assert line["error"].startswith("LockNotAvailableError")
    await feed.judge_again(border_at(county, START), f"h-1 {CODE}", kept)
    assert await county.alarms("a.cleared_at is not null")


async def test_a_kept_end_that_is_written_after_a_start_hides_nothing_that_holds_again(county: County) -> None:
    """The start takes for standing what stands by its alarm: told of its end, the rule raises what it reads next."""
    device = await county.add_device("h-1", "hydrant")
    await Stepped(county.conn, "h-1", device, AREA).condition(CODE, START)
    registry = Registry()
    await registry.load(county.conn, [device])
    feed = ReadingFeed(registry, RuleStates(registry), HandClock(START))

    def tilted(seq: int) -> list[Finding]:
        at = START + timedelta(seconds=seq)
        reading = {"batch_id": seq, "ts": at, "seq": seq, "received_at": at, "tilt_deg": 40.0}
        return feed.states.walk(device, [reading], at, 0.0)

    async def breathe() -> None:
        """Nothing waits here."""

    await feed.states.load(county.conn, {device: NO_BOUND}, START, breathe)
    assert [tilted(seq) for seq in (1, 2)] == [[], []], "it stands"
    kept = {"device_id": device, "code": CODE, "finding": finding_to_json(END)}
    await feed.judge_again(border_at(county, START), f"h-1 {CODE}", kept)
    assert await county.alarms("a.cleared_at is not null")
    assert [found.active for found in tilted(3)] == [True]


async def test_what_a_rule_found_and_could_not_be_raised_is_dropped_when_its_device_is_reset_meanwhile(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("hydrant-1", "hydrant")
    alerts()
    await send_poisoned_reading(county)
    await eventually(lambda: county.conn.fetch("select from set_aside where kind = 'finding'"), what="set aside")
    await county.conn.execute("drop trigger poisoned on alarm")
    await county.send_events([{"device": "hydrant-1", "type": "reset"}])
    await eventually(lambda: county.conn.fetch("select from set_aside where result = 'done'"), what="struck off")
    assert not await county.alarms("a.code = 'hydrant_tilt'")


async def test_the_end_of_a_condition_that_an_older_release_has_set_aside_ends_its_alarm(
    county: County, alerts: Callable[..., Program]
) -> None:
    device = await county.add_device("hydrant-1", "hydrant")
    program = alerts()
    for _ in range(2):
        await county.send_readings("hydrant", [{"device": "hydrant-1", "tilt_deg": 40.0, "pressure_mpa": 0.3}])
    await eventually(lambda: county.alarms("a.code = 'hydrant_tilt'"), what="the alarm")
    program.kill()
    await county.conn.execute(
        """insert into set_aside (program, kind, name, fire, error, detail, first_at, last_at)
           values ('alerts', 'finding', 'hydrant-1 hydrant_tilt', false, 'CheckViolationError', $1, now(), now())""",
        {"device_id": device, "code": "hydrant_tilt", "active": False, "reason": ["恢复", "upright"]},
    )
    program.restart()
    over = "a.code = 'hydrant_tilt' and a.cleared_at is not null"
    await eventually(lambda: county.alarms(over), what="it is over")
    await eventually(lambda: county.conn.fetch("select from set_aside where result = 'done'"), what="struck off")
