"""The life of a hazard under every order of steps that anybody can take."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.alarms.ledger.refusals import NotAllowed
from services.core.prevention import hazard as life
from services.core.prevention.hazard import By, ClosedAs, Grade, Hazard, HazardState

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
PEOPLE = ("user:li", "user:zhao", "key:gis")
OF = {
    "assign": lambda one, by: life.assign(one, by, "物业", None),
    "assign_nobody": lambda one, by: life.assign(one, by, None, None),
    "rectify": life.rectify,
    "verify": life.verify,
    "close": life.close,
    "unfounded": lambda one, by: life.close(one, by, unfounded=True),
    "reopen": life.reopen,
    "supervise": lambda one, by: life.supervise(one, by, "大队", None),
    "raise_grade": lambda one, _by: life.change(one, {"grade": Grade.MAJOR}),
    "lower_grade": lambda one, _by: life.change(one, {"grade": Grade.GENERAL}),
    "no_owner": lambda one, _by: life.change(one, {"owner": ""}),
    "cause_gone": life.cause_gone,
    "cause_back": lambda one, _by: life.cause_back(one),
}
# where a step leads, by the state it is taken in; what is missing is refused
LEADS = {
    ("found", "assign"): "assigned",
    ("found", "unfounded"): "verified",
    ("assigned", "assign"): "assigned",
    ("assigned", "rectify"): "rectified",
    ("assigned", "unfounded"): "verified",
    ("rectified", "verify"): "verified",
    ("rectified", "close"): "verified",
    ("rectified", "unfounded"): "verified",
    ("rectified", "reopen"): "assigned",
    ("verified", "close"): "verified",
    ("verified", "unfounded"): "verified",
    ("verified", "reopen"): "assigned",
}


def found(grade: Grade = Grade.GENERAL, **more: object) -> Hazard:
    return Hazard(HazardState.FOUND, "other", grade)._replace(**more)


def by(person: str = "user:li", at: datetime = NOW) -> By:
    return By(person, person, at)


def taken(name: str, one: Hazard, who: By) -> Hazard | None:
    refused = None
    try:
        return OF[name](one, who)
    except NotAllowed as said:
        refused = said
    assert refused.zh, name
    assert refused.en, name
    return None


@pytest.mark.parametrize("state", HazardState)
@pytest.mark.parametrize("name", ["assign", "rectify", "verify", "close", "unfounded", "reopen"])
def test_each_state_allows_these_steps_and_no_others(state: HazardState, name: str) -> None:
    owner = "" if state is HazardState.FOUND else "物业"
    ended = {"closed_at": NOW, "closed_as": ClosedAs.RECTIFIED} if state is HazardState.VERIFIED else {}
    after = taken(name, found(state=state, owner=owner, **ended), by())
    assert (None if after is None else after.state) == LEADS.get((state.value, name))


@given(
    grade=st.sampled_from(Grade),
    steps=st.lists(st.tuples(st.sampled_from(sorted(OF)), st.sampled_from(PEOPLE)), max_size=30),
)
def test_whatever_is_tried_in_whatever_order_what_stands_is_sound(grade: Grade, steps: list[tuple[str, str]]) -> None:
    one, rectified_by, supervised = found(grade), None, False
    for number, (name, person) in enumerate(steps):
        who = by(person, NOW + timedelta(minutes=number))
        after = taken(name, one, who)
        if after is None:
            continue
        if one.open and not after.open:
            assert not supervised or (after.closed_as is ClosedAs.RECTIFIED and person != rectified_by)
            assert (after.closed_at, after.closed_by) == (who.at, person)
            if after.closed_as is ClosedAs.RECTIFIED:
                assert one.state is HazardState.RECTIFIED
            if after.closed_as is ClosedAs.CAUSE_GONE:
                assert (one.state, one.owner) == (HazardState.FOUND, "")
        if name == "rectify":
            rectified_by = person
        supervised = supervised or name == "supervise"
        one = after
        assert (one.state is HazardState.VERIFIED) == (one.closed_at is not None) == (one.closed_as is not None)
        assert one.supervised_at is None or one.grade is Grade.MAJOR
        assert one.owner or one.state in {HazardState.FOUND, HazardState.VERIFIED}
        assert one.rectified_at is not None or one.state is not HazardState.RECTIFIED
        assert supervised == (one.supervised_at is not None)


def test_a_major_hazard_under_supervision_is_closed_by_somebody_else() -> None:
    under = life.supervise(found(Grade.MAJOR), by(), "大队", None)
    mended = life.rectify(life.assign(under, by(), "物业", None), by())
    for refused in ("verify", "close"):
        assert taken(refused, mended, by()) is None
    own_key = By("key:phone", "user:li", NOW)  # a key that the same person made
    assert taken("close", mended, own_key) is None
    ended = life.close(mended, by("user:zhao"))
    assert (ended.state, ended.closed_by) == (HazardState.VERIFIED, "user:zhao")
    again = life.rectify(life.reopen(ended, by()), by("user:zhao"))
    assert taken("verify", again, by("user:zhao")) is None
    assert taken("verify", again, by()) is not None


def test_a_major_hazard_under_supervision_becomes_neither_general_nor_unfounded() -> None:
    under = life.supervise(found(Grade.MAJOR), by(), "大队", None)
    assert taken("lower_grade", under, by()) is None
    assert taken("unfounded", under, by("user:zhao")) is None
    assert taken("supervise", found(), by()) is None


def test_it_is_overdue_until_it_is_rectified() -> None:
    one = life.assign(found(), by(), "物业", NOW)
    assert not one.overdue(NOW)
    later = NOW + timedelta(seconds=1)
    assert one.overdue(later)
    assert not life.rectify(one, by()).overdue(later)
    assert not found().overdue(later)


def test_what_the_system_saw_ends_by_itself_only_while_nobody_has_taken_it() -> None:
    system = by("system")
    assert life.cause_gone(found(), system).closed_as is ClosedAs.CAUSE_GONE
    for owned in (found(owner="物业"), life.assign(found(), by(), "物业", None)):
        noted = life.cause_gone(owned, system)
        assert noted.open
        assert noted.cause_gone_at == NOW
        assert life.cause_back(noted).cause_gone_at is None
