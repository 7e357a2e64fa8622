"""The limits that a device has for itself: what is refused when written, and what is kept though no rule reads it."""

import pytest

from services.api.request.chinese import in_chinese
from services.core.levels import SPELLINGS
from services.core.rules.device_bounds import limit_faults, usable_limits


@pytest.mark.parametrize("name", [name for names in SPELLINGS.values() for name in names])
def test_every_spelling_is_bounded_as_the_level_it_means(name: str) -> None:
    assert limit_faults({name: 3}) == []
    ((field, fault),) = limit_faults({name: 1000})
    assert field == name
    assert fault.startswith("must be a number from ")


@pytest.mark.parametrize(
    ("given", "meant"),
    [("level_pct_lo", "level_pct_low"), ("levelpctlow", "level_pct_low"), ("level_m_ful", "level_m_full")],
)
def test_a_misspelt_limit_is_refused_with_the_names_that_there_are(given: str, meant: str) -> None:
    ((field, fault),) = limit_faults({given: 30})
    assert field == given
    assert f"is {meant} meant?" in fault
    assert all(names[0] in fault for names in SPELLINGS.values())
    assert (in_chinese(fault) or "").startswith("没有规则使用这个限值")
    assert usable_limits({given: 30}) == {given: 30.0}, "what an older release stored is read on"


@pytest.mark.parametrize("name", ["pressure_low", "depth_m", "height", "water_level_low"])
def test_a_name_of_the_owners_own_is_kept(name: str) -> None:
    assert limit_faults({name: 3}) == []


def test_low_must_lie_below_high_however_they_are_spelt() -> None:
    assert limit_faults({"low_pct": 60, "level_high_pct": 50}) == [
        ("level_pct_low", "must be less than level_pct_high")
    ]
