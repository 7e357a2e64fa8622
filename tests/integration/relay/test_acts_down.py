"""What was said at the county comes down whatever stands beside it: many at once, unknown ones, another clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from services.relay.acts_down import AT_ONCE, COUNTY, LOOK_BACK_EVERY_S, NO_ALARM_AFTER
from tests.integration.relay.test_acts_wait import OTHER_AREA, Answering, Township, open_fire, township

__all__ = ["township"]
VERDICT = "select verification from alarm where code = 'fire'"
MISSED = "select count(*) from carried_act where result = 'no_alarm' and origin = 'county'"


def says(county: Answering, at: datetime, device: str = "p-1", **more: Any) -> None:
    """Somebody at the county says something of a fire."""
    shown = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    where = {"device": device, "area": None, "code": "fire", "component": "1-1", "opened_at": shown}
    said = {
        "act_id": str(uuid4()), "act": "verify", "outcome": "real", "person": "user:bob", "note": "", "at": shown,
        "alarm": where,
    }  # fmt: skip
    county.said.append(said | more)


async def test_a_verdict_comes_down_behind_more_acts_of_a_minute_than_one_answer_holds(township: Township) -> None:
    county, now = township.county, township.clock.now()
    for n in range(2 * AT_ONCE):
        says(county, now + timedelta(milliseconds=n), "other")
    says(county, now + timedelta(seconds=30))
    assert await township.acts.down.fetch()
    assert await township.rows.one(VERDICT) == "real"


async def test_a_verdict_comes_down_behind_more_acts_of_a_later_release_than_one_answer_holds(
    township: Township,
) -> None:
    county, now = township.county, township.clock.now()
    later: list[dict[str, Any]] = [
        {"act": "shelve"}, {"outcome": "pending"}, {"act_id": 7}, {"note": None}, {"outcome": ["real"]},
        {"alarm": {"device": 7, "area": None, "code": "fire", "component": "1-1", "opened_at": "2026-11-29T08:00:00Z"}},
        {"alarm": {"device": "p-1", "area": None, "code": "fire", "component": "1-1", "opened_at": "2026-11-29"}},
    ]  # fmt: skip
    for n in range(2 * AT_ONCE):
        says(county, now + timedelta(milliseconds=n), **later[n % len(later)])
    says(county, now + timedelta(seconds=30))
    assert await township.acts.down.fetch()
    assert await township.rows.one(VERDICT) == "real"


async def test_an_act_without_an_alarm_here_holds_up_its_own_condition_alone(township: Township) -> None:
    county, now = township.county, township.clock.now()
    says(county, now, "other")
    says(county, now + timedelta(seconds=1), "other", outcome="false")
    says(county, now + timedelta(seconds=2), "other", act="shelve")
    says(county, now + timedelta(seconds=3))
    await township.acts.down.fetch()
    assert await township.rows.one(VERDICT) == "real"
    assert await township.rows.one(MISSED) == 0
    for _ in range(2):
        await township.clock.sleep(NO_ALARM_AFTER.total_seconds())
        for _ in range(2):
            await township.acts.down.fetch()
    assert await township.rows.one(MISSED) == 2


async def test_a_county_whose_clock_is_an_hour_ahead_is_waited_for_no_longer(township: Township) -> None:
    county = township.county
    says(county, township.clock.now() + timedelta(hours=1), "other")
    await township.acts.down.fetch()
    await township.clock.sleep(NO_ALARM_AFTER.total_seconds())
    await township.acts.down.fetch()
    assert await township.rows.one(MISSED) == 1
    assert COUNTY in await township.rows.one("select actor from carried_act where origin = 'county'")


async def test_what_is_said_after_the_countys_clock_was_set_back_comes_down_within_minutes(township: Township) -> None:
    county, now = township.county, township.clock.now()
    says(county, now, "other", act="acknowledge", outcome=None)
    await township.acts.down.fetch()
    await township.clock.sleep(NO_ALARM_AFTER.total_seconds())
    await township.acts.down.fetch()
    await township.acts.down.fetch()
    assert await township.rows.one(MISSED) == 1
    says(county, now - timedelta(hours=2))
    await township.acts.down.fetch()
    assert await township.rows.one(VERDICT) == "pending"
    await township.clock.sleep(LOOK_BACK_EVERY_S)
    await township.acts.down.fetch()
    assert await township.rows.one(VERDICT) == "real"


async def test_a_correction_of_the_county_reaches_the_alarm_that_was_judged_however_long_ago(
    township: Township,
) -> None:
    """The county opened its alarm an hour later, with the backlog of a cut link."""
    county, now = township.county, township.clock.now()
    later = now + timedelta(hours=1)
    says(county, later, outcome="false")
    await township.acts.down.fetch()
    assert await township.rows.one(VERDICT) == "false"
    await open_fire(township.rows.connection, OTHER_AREA, now, "p-2")
    await township.rows.connection.execute(
        "update alarm set device_id = first.device_id, subject = first.subject"
        " from alarm first where first.id = $1 and alarm.id <> $1", township.alarm,
    )  # fmt: skip
    (judged,) = county.said
    more = {"correction": True, "earlier": [judged["act_id"]], "alarm": judged["alarm"] | {"reported_at": None}}
    says(county, later + timedelta(seconds=1), **more)
    await township.acts.down.fetch()
    verdicts = await township.rows.all("select verification from alarm order by id")
    assert [row["verification"] for row in verdicts] == ["real", "pending"]


async def test_long_notes_come_down_although_an_answer_is_cut_after_some_kilobytes(township: Township) -> None:
    county, now = township.county, township.clock.now()
    for n in range(30):
        says(county, now + timedelta(milliseconds=n), "other", note="火" * 2000)
    says(county, now + timedelta(seconds=30), note="火" * 2000)
    assert await township.acts.down.fetch()
    assert await township.rows.one(VERDICT) == "real"
