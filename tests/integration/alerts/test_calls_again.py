"""An alarm that asks again calls people anew, and one that is put aside, in maintenance or in a test calls nobody."""

from datetime import timedelta

import pytest

from tests.integration.alerts.calls import (
    CHANNELS,
    Table,
    acknowledge,
    begins,
    ends,
    fire,
    fire_ends,
    fire_of,
    in_a_test,
    play,
    reach_everybody,
    run_clocks,
    shelve,
    steps,
    supported,
    unshelve,
    verdict,
    wrong_of,
)
from tests.support.county import AREA, County
from tests.support.hand_clock import START

#                                    what happens at which second            who is called at which second
TABLE: Table = {
    "a fire that grows surer after it was acknowledged": (
        [(0, fire), (30, acknowledge), (60, supported)],
        [(120, "sms"), (120, "webhook"), (300, "voice")],
    ),
    "a fire of another day on an alarm that nobody closed": (
        [(0, fire), (121, acknowledge), (86_000, fire)],
        [(120, "sms"), (120, "webhook"), (300, "voice"), (86_120, "sms"), (86_120, "webhook"), (86_300, "voice")],
    ),
    "a hall whose detectors all fire": (
        [(at, fire_of(f"d{at}")) for at in range(40)],
        [(at, channel) for at, channel in ((120, "sms"), (120, "webhook"), (300, "voice"))],
    ),
    "a hall whose first detector was a false alarm": (
        [(at, fire_of(f"d{at}")) for at in range(3)] + [(600, verdict("false"))],
        [(120, "sms"), (120, "webhook"), (300, "voice")]
        + [(at, channel) for at, channel in ((720, "sms"), (720, "webhook"), (900, "voice")) for _ in range(2)],
    ),
    "a fire that begins and ends in a test": ([(0, in_a_test(600)), (1, fire), (60, fire_ends)], []),
    "a fire that outlasts its test": (
        [(0, in_a_test(600)), (1, fire)],
        [(720, "sms"), (720, "webhook"), (900, "voice")],
    ),
    "a fire that outlasts its test and is reset then": (
        [(0, in_a_test(600)), (1, fire), (660, fire_ends)],
        [(720, "sms"), (720, "webhook"), (900, "voice")],
    ),
    "the desk fails again and nobody looked at the first time": (
        [(0, begins("dispatch_failed")), (400, ends("dispatch_failed")), (4000, begins("dispatch_failed"))],
        [(at, channel) for at in (0, 300, 4000, 4300) for channel in CHANNELS],
    ),
    "critical that comes and goes every ten seconds": (
        [(0, begins("queue_dropped"))]
        + [(at, deed("queue_dropped")) for at in range(10, 700, 20) for deed in (ends, begins)],
        [(300, "sms"), (300, "webhook"), (610, "sms"), (610, "webhook"), (910, "sms"), (910, "webhook")],
    ),
    "critical, put aside for ten minutes": (
        [(0, begins("queue_dropped")), (60, shelve(660))],
        [(960, "sms"), (960, "webhook")],
    ),
    "critical, put aside and taken back": (
        [(0, begins("queue_dropped")), (60, shelve(4000)), (600, unshelve)],
        [(900, "sms"), (900, "webhook")],
    ),
    "major that was put aside gets critical": (
        [(0, begins("session_lost", "major")), (60, shelve(4000)), (100, begins("session_lost"))],
        [(400, "sms"), (400, "webhook")],
    ),
    "major that was acknowledged gets critical": (
        [(0, begins("session_lost", "major")), (50, acknowledge), (100, begins("session_lost"))],
        [(400, "sms"), (400, "webhook")],
    ),
    "another step in the place of one that was taken": (
        [
            (0, steps(severity="major", after_s=0, channels=["sms"], until="acknowledged")),
            (0, begins("session_lost", "major")),
            (50, steps(severity="critical", after_s=60, channels=["voice"], until="closed")),
            (100, begins("session_lost")),
        ],
        [(0, "sms"), (160, "voice")],
    ),
}


async def test_what_asks_again_calls_again_and_what_is_quiet_calls_nobody(county: County) -> None:
    await reach_everybody(county)
    assert await wrong_of(county, TABLE) == {}


async def test_the_next_step_is_the_one_that_is_due_next_wherever_it_stands_in_the_list(county: County) -> None:
    await reach_everybody(county)
    await county.conn.execute("delete from contact where channel <> 'voice'")
    later = {"code": "fire", "after_s": 600, "channels": ["voice"], "until": "judged"}
    await county.set_policy("escalation", steps=[later, {**later, "after_s": 60, "channels": ["sms"]}])
    assert await play(county, [(0, fire)]) == [(60, "voice")]


async def test_a_telephone_that_stands_there_twice_rings_once(county: County) -> None:
    await reach_everybody(county)
    again = "insert into contact (name, channel, address, area) select '镇', channel, address, $1 from contact"
    await county.conn.execute(again, AREA)
    assert await play(county, [(0, fire)]) == [(120, "sms"), (120, "webhook"), (300, "voice")]


async def test_a_call_that_waits_for_a_verdict_is_not_taken_back_by_whoever_has_only_seen_the_fire(
    county: County,
) -> None:
    await reach_everybody(county)
    await play(county, [(0, fire), (301, acknowledge)])
    assert await waiting(county) == {"voice"}
    await verdict("real")(county, START + timedelta(seconds=310))
    assert await waiting(county) == set()


async def test_nobody_is_called_any_more_about_what_has_closed_by_itself(county: County) -> None:
    await reach_everybody(county)
    await play(county, [(0, begins("dispatch_failed")), (1, acknowledge)])
    assert await waiting(county) == set(CHANNELS), "they are called until it is closed"
    await ends("dispatch_failed")(county, START + timedelta(seconds=2))
    assert await waiting(county) == set()


async def test_nobody_waits_for_a_call_by_the_hour_before_the_clock_was_set_back(county: County) -> None:
    await reach_everybody(county)
    hour_ahead = START + timedelta(hours=1)
    await begins("session_lost", "critical")(county, START)
    await fire(county, hour_ahead)
    await run_clocks(county, START + timedelta(seconds=1))
    called = await county.conn.fetch(
        "select distinct a.code from notice n join alarm a on a.id = n.alarm_id where n.type = 'call'"
    )
    assert [row["code"] for row in called] == ["fire"], "what began by the right clock waits for its time"
    assert await waiting(county) == set(CHANNELS)


@pytest.mark.parametrize(("code", "at_once"), [("session_lost", {"sms"}), ("dispatch_failed", {"sms", "voice"})])
async def test_of_what_concerns_no_fire_only_the_first_step_is_taken_at_once_when_the_clock_was_set_back(
    county: County, code: str, at_once: set[str]
) -> None:
    await reach_everybody(county)
    first = {"severity": "critical", "after_s": 60, "channels": ["sms"], "until": "acknowledged"}
    await county.set_policy("escalation", steps=[first, {**first, "after_s": 600, "channels": ["voice"]}])
    hour = 3600
    await begins(code)(county, START + timedelta(seconds=hour))
    for second in (1, 2):
        await run_clocks(county, START + timedelta(seconds=second))
        assert await waiting(county) == at_once
    await run_clocks(county, START + timedelta(seconds=hour + 599))
    assert await waiting(county) == at_once
    await run_clocks(county, START + timedelta(seconds=hour + 600))
    assert await waiting(county) == {"sms", "voice"}


async def waiting(county: County) -> set[str]:
    """Return by which channels people are still to be reached."""
    rows = await county.conn.fetch(
        "select c.channel from notice n join contact c on n.channel = 'contact:' || c.id where n.state = 'waiting'"
    )
    return {row["channel"] for row in rows}
