"""What people do to alarms that are not fires: verdicts, notes, shelves; and what is refused, with the cure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.core.alarms.life.happenings import Finding, Situation
from services.core.alarms.life.lifecycle import due_at
from services.core.words import Verification
from tests.unit.core.alarms.fires.scene import START, seconds
from tests.unit.core.alarms.life.one_alarm import CLEARED, OVER, RAISED, UPDATED, Life, condition, raised


def test_a_verdict_on_an_ordinary_alarm() -> None:
    real = raised()
    real.act("verify", verdict=Verification.REAL)
    real.act("verify", verdict=Verification.REAL)
    assert (real.state, real.types()) == ("acknowledged", [RAISED, UPDATED])
    real.happen(OVER)
    assert (real.state, real.types()) == ("closed", [RAISED, UPDATED, CLEARED])
    returned = raised()
    returned.happen(OVER)
    returned.act("verify", verdict=Verification.REAL)
    assert (returned.state, returned.types()) == ("closed", [RAISED, CLEARED, UPDATED])
    false = raised()
    false.act("verify", verdict=Verification.FALSE)
    assert (false.state, false.types()) == ("closed", [RAISED, UPDATED, CLEARED])
    quiet = raised("minor")
    quiet.act("verify", verdict=Verification.TEST)
    assert (quiet.state, quiet.types()) == ("closed", [])


@pytest.mark.parametrize(
    ("kind", "about", "field"),
    [
        ("verify", {}, "real, false or test"),
        ("verify", {"verdict": Verification.PENDING}, "real, false or test"),
        ("shelve", {}, "until"),
        ("shelve", {"until": START}, "until"),
        ("shelve", {"until": START + timedelta(days=7, seconds=1)}, "until"),
        ("note", {"note": "  "}, "note"),
    ],
)
def test_a_bad_act_is_refused_with_the_cure(kind: str, about: dict[str, object], field: str) -> None:
    life = raised()
    before = life.alarm
    done = life.act(kind, **about)
    assert done.outcome.kind == "refused"
    assert field in done.outcome.reason.en
    assert life.alarm == before


def test_a_verdict_on_a_closed_alarm_is_corrected_once_for_a_reason_and_the_desk_that_heard_of_it_is_told() -> None:
    life = raised()
    life.act("verify", verdict=Verification.FALSE)
    version, told = life.version, life.types()
    for about in ({"verdict": Verification.FALSE, "note": "same"}, {"verdict": Verification.TEST, "note": " "}):
        assert life.act("correct", **about).outcome.kind == "refused"
    done = life.act("correct", verdict=Verification.TEST, note="a test after all")
    assert (done.outcome.kind, life.state, life.version) == ("corrected", "closed", version + 1)
    assert life.types() == [*told, UPDATED]
    quiet = raised("minor")
    assert quiet.act("correct", verdict=Verification.TEST, note="open").outcome.kind == "refused"
    quiet.act("verify", verdict=Verification.TEST)
    quiet.act("correct", verdict=Verification.FALSE, note="no test")
    assert quiet.types() == []  # nobody was told of it
    quiet.act("correct", verdict=Verification.REAL, note="it was one")
    assert quiet.types() == []  # nor would they have been of a real one


def test_a_closed_alarm_takes_notes_and_corrections_and_nothing_else() -> None:
    life = raised()
    life.act("clear")
    assert life.act("note", note="seen on site").outcome.kind == "noted"
    refused = [life.act(kind).outcome.kind for kind in ("acknowledge", "verify", "clear", "shelve", "unshelve")]
    assert refused == ["refused"] * 5
    assert life.act("correct", verdict=Verification.TEST, note="why").outcome.kind == "refused"  # nobody judged it
    assert life.happen(condition()).outcome.kind == "ignored"
    assert life.alarm is not None
    assert due_at(life.alarm) is None


def test_notes_change_no_version() -> None:
    life = raised()
    assert life.act("note", note="called the site").outcome == ("noted", ("called the site", "called the site"))
    assert life.version == 1


def test_a_shelf_keeps_quiet_and_tells_what_stands_when_it_ends() -> None:
    life = Life(situation=Situation(out_of_service_until=START + seconds(5)))
    life.happen(condition("major"))
    life.act("shelve", until=START + seconds(600), note="pump repair")
    life.wait(10)
    assert life.types() == []
    life.wait(1000)
    assert life.told == [(600, RAISED)]
    assert life.outcomes == ["opened", "shelved", "unchanged", "unshelved"]
    assert life.alarm is not None
    assert life.alarm.shelved_until is None


def test_what_was_put_aside_or_acknowledged_asks_again_when_it_gets_worse() -> None:
    life = raised("minor")
    life.act("acknowledge")
    life.act("shelve", until=START + seconds(600), note="pump repair")
    life.wait(10).happen(condition("major"))
    assert life.told == [(10, RAISED)]
    assert life.outcomes == ["opened", "acknowledged", "shelved", "rose"]
    assert life.alarm is not None
    assert (life.state, life.alarm.acknowledged_at, life.alarm.shelved_until) == ("unacknowledged", None, None)
    life.wait(10).act("acknowledge")
    assert life.alarm.acknowledged_at == START + seconds(20), "who took the worse one, and when"


def test_only_news_asks_again_for_what_is_counted() -> None:
    def counted(news_s: int | None, value: float) -> Finding:
        news = None if news_s is None else START + seconds(news_s)
        return condition(counted=True, value=value, news_at=news)

    life = Life()
    life.happen(counted(0, 1))
    life.act("acknowledge")
    for again in (counted(None, 2), counted(0, 3), counted(-5, 2)):
        assert life.wait(1).happen(again).outcome.kind == "unchanged"
    assert life.state == "acknowledged"
    assert life.wait(1).happen(counted(4, 3)).outcome.kind == "rose"
    assert life.state == "unacknowledged"
    life.act("shelve", until=START + seconds(600), note="n")
    assert life.wait(1).happen(counted(4, 4)).outcome.kind == "unchanged"
    assert life.wait(1).happen(counted(6, 5)).outcome.kind == "rose"
    assert life.alarm is not None
    assert (life.alarm.shelved_until, life.alarm.value) == (None, 5)


def test_a_shelf_hides_nothing_for_good() -> None:
    life = raised()
    life.act("shelve", until=START + seconds(600), note="n")
    life.wait(10).happen(OVER)
    assert life.types() == [RAISED]
    life.act("unshelve")
    assert life.told == [(0, RAISED), (10, CLEARED)]
    assert life.act("unshelve").outcome.kind == "unchanged"


def test_closing_ends_the_shelf_and_tells() -> None:
    life = raised()
    life.act("shelve", until=START + seconds(600), note="n")
    life.act("clear")
    assert life.types() == [RAISED, CLEARED]
