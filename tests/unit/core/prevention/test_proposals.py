"""Which steps the system takes about hazards, for whatever it sees and whatever stands."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.core.prevention.catalogue import KINDS, HazardCode
from services.core.prevention.proposals import Seen, Standing, is_dry, plan, words_of
from services.core.prevention.thresholds import THRESHOLDS
from services.core.words import Reason

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
PROPOSED = [code for code, kind in KINDS.items() if kind.proposed]


def seen(device: int, code: HazardCode = HazardCode.PANEL_FAULT, since: datetime = NOW) -> Seen:
    return Seen(code, device, "", "", since, Reason("故障", "fault"))


DEVICES = st.sets(st.integers(1, 6))


@given(conditions=DEVICES, open_=DEVICES, noted=DEVICES, before=DEVICES, after=DEVICES)
def test_after_the_steps_every_cause_has_one_hazard_or_was_judged(
    conditions: set[int], open_: set[int], noted: set[int], before: set[int], after: set[int]
) -> None:
    standing = [Standing(device, seen(device).cause, device in noted) for device in open_]
    judged = {seen(device).cause: NOW - timedelta(hours=1) for device in before}
    judged |= {seen(device).cause: NOW + timedelta(hours=1) for device in after}
    found = plan([seen(device) for device in conditions] * 2, standing, judged)
    assert {one.device_id for one in found.new} == conditions - open_ - after
    assert len(found.new) == len({one.cause for one in found.new})
    assert {one.id for one in found.gone} == open_ - conditions - noted
    assert {one.id for one in found.back} == open_ & conditions & noted


def test_every_proposal_has_words_in_both_languages_and_numbers_inside_their_bounds() -> None:
    assert len(PROPOSED) == 5
    for code in PROPOSED:
        words = words_of(seen(1, code))
        assert words.zh
        assert words.en
    for one in THRESHOLDS.values():
        assert one.bounds.fault(one.default) is None


def test_a_source_is_dry_by_what_it_sends_and_by_nothing_that_is_no_number() -> None:
    assert is_dry("hydrant", {}, {"pressure_mpa": 0.049})
    assert not is_dry("hydrant", {}, {"pressure_mpa": 0.05})
    assert is_dry("water", {}, {"level_pct": 0.5})
    assert is_dry("water", {"level_m_full": 3.0}, {"level_m": 0.0})
    assert not is_dry("water", {"level_m_low": -2.0}, {"level_m": -1.0})
    for odd in (None, [], "x", {"pressure_mpa": "0"}, {"level_pct": None}, {"level_m": []}):
        for kind in ("hydrant", "water"):
            assert not is_dry(kind, None, odd)
