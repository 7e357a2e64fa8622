"""Who is called when, as a table of times: the policy `escalation` in process, under a clock that is passed in."""

from datetime import datetime, timedelta

import pytest

from tests.integration.alerts.calls import (
    CHANNELS,
    Deed,
    Table,
    acknowledge,
    begins,
    clear,
    ends,
    fire,
    fire_ends,
    play,
    reach_everybody,
    verdict,
    wrong_of,
)
from tests.support.county import County
from tests.support.hand_clock import START

#                                    what happens at which second            who is called at which second
TABLE: Table = {
    "a fire nobody looks at": ([(0, fire)], [(120, "sms"), (120, "webhook"), (300, "voice")]),
    "a fire acknowledged in time": ([(0, fire), (119, acknowledge)], [(300, "voice")]),
    "a fire acknowledged after the first calls": (
        [(0, fire), (121, acknowledge)],
        [(120, "sms"), (120, "webhook"), (300, "voice")],
    ),
    "a fire judged real": ([(0, fire), (60, verdict("real"))], []),
    "a fire judged false": ([(0, fire), (60, verdict("false"))], []),
    "the desk does not accept": (
        [(0, begins("dispatch_failed"))],
        [(at, channel) for at in (0, 300) for channel in CHANNELS],
    ),
    "the desk does not accept, and somebody knows": (
        [(0, begins("dispatch_failed")), (10, acknowledge)],
        [(0, channel) for channel in CHANNELS],
    ),
    "anything else that is critical": ([(0, begins("queue_dropped"))], [(300, "sms"), (300, "webhook")]),
    "critical, acknowledged": ([(0, begins("queue_dropped")), (299, acknowledge)], []),
    "critical, cleared": ([(0, begins("queue_dropped")), (299, clear)], []),
    "major": ([(0, begins("session_lost", "major"))], []),
    "major that gets critical": (
        [(0, begins("session_lost", "major")), (100, begins("session_lost"))],
        [(400, "sms"), (400, "webhook")],
    ),
}


async def test_everybody_is_called_at_exactly_that_second(county: County) -> None:
    await reach_everybody(county)
    assert await wrong_of(county, TABLE) == {}


async def test_a_step_that_reaches_nobody_brings_the_next_one_forward(county: County) -> None:
    await reach_everybody(county)
    await county.conn.execute("delete from contact where channel <> 'voice'")
    assert await play(county, [(0, fire)]) == [(120, "voice")]


async def test_who_is_on_call_is_called_and_everybody_when_none_of_them_can_be(county: County) -> None:
    await reach_everybody(county)
    by_sms = await county.conn.fetchval("select id from contact where channel = 'sms'")
    other = await county.conn.fetchval(
        "insert into contact (name, channel, address) values ('off', 'sms', '13800000009') returning id"
    )
    shift = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "begin": "00:00", "end": "00:00"}
    never = {"weekdays": [START.isoweekday() % 7 + 1], "begin": "12:00", "end": "13:00", "contacts": [other]}
    await county.set_policy("rota", shifts=[shift | {"contacts": [by_sms]}, never])

    async def called() -> set[str]:
        await play(county, [(0, fire)])
        rows = await county.conn.fetch("select distinct channel from notice where type = 'call'")
        return {row["channel"] for row in rows}

    row = county.conn.transaction()
    await row.start()
    assert f"contact:{other}" not in await called()
    await row.rollback()
    await county.conn.execute("delete from contact where id = $1 or channel = 'webhook'", by_sms)
    assert f"contact:{other}" in await called()


@pytest.mark.parametrize(("steps", "wanted"), [([], []), ([{"code": "fire", "after_s": 7}], [(7, "sms")])])
async def test_the_steps_are_data(
    county: County, steps: list[dict[str, object]], wanted: list[tuple[int, str]]
) -> None:
    await reach_everybody(county)
    await county.set_policy("escalation", steps=[{**step, "channels": ["sms"], "until": "closed"} for step in steps])
    assert await play(county, [(0, fire)]) == wanted


async def test_a_drill_says_so_in_every_call(county: County) -> None:
    await reach_everybody(county)
    await county.set_policy("drill", until=(START + timedelta(hours=1)).isoformat())
    await play(county, [(0, fire)])
    calls = await county.notices("type = 'call'")
    assert len(calls) == 3
    texts = [str(call["json"].get("text") or call["json"].get("content") or call["json"].get("tts")) for call in calls]
    assert all(text.startswith("【演练】") for text in texts)


def drill(until_s: int) -> Deed:
    async def deed(county: County, _now: datetime) -> None:
        await county.set_policy("drill", until=(START + timedelta(seconds=until_s)).isoformat())

    return deed


FAILED = "dispatch_failed"


@pytest.mark.parametrize(
    ("deeds", "marked"),
    [
        pytest.param(
            [(0, drill(600)), (0, fire), (86_000, fire)], [True] * 3 + [False] * 3, id="a fire of another day"
        ),
        pytest.param([(0, drill(600)), (0, fire), (301, fire_ends), (900, fire)], [True] * 3 + [False] * 3, id="again"),
        pytest.param(
            [(0, drill(600)), (0, begins(FAILED)), (400, ends(FAILED)), (4000, begins(FAILED))],
            [True] * 6 + [False] * 6,
            id="119 away again",
        ),
        pytest.param(
            [(0, fire), (50, fire_ends), (60, drill(200)), (70, fire)], [True] * 2 + [False], id="before and in a drill"
        ),
        pytest.param([(0, fire), (80_000, drill(90_000)), (86_000, fire)], [False] * 3 + [True] * 3, id="then a drill"),
    ],
)
async def test_what_comes_back_on_its_row_is_of_a_drill_only_if_it_came_back_in_one(
    county: County, deeds: list[tuple[int, Deed]], marked: list[bool]
) -> None:
    await reach_everybody(county)
    await play(county, deeds)
    calls = sorted(await county.notices("type = 'call'"), key=lambda call: call["created_at"])
    assert ["【演练】" in str(call["json"]) or call["json"].get("drill", False) for call in calls] == marked
    (alarm,) = await county.alarms()
    assert alarm["drill"] is marked[-1]
