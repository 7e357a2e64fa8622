"""What befalls devices in a pack."""

from collections import Counter

import pytest

from simulators.packs import happenings, wiring

DAY_S = 86_400


def test_a_pack_of_closed_valves_and_frozen_hydrants_befalls_no_hydrant_twice():
    faults = happenings.plan_faults(3, 100, 21 * DAY_S, 49 * DAY_S, 10)
    assert Counter(fault.klass for fault in faults) == {"closed_valve": 10, "frozen": 10, "stuck": 3, "drift": 1}
    assert len({fault.device for fault in faults}) == len(faults)
    assert all(21 * DAY_S <= fault.from_s < fault.until_s <= 49 * DAY_S for fault in faults)


def test_the_usual_pack_has_two_of_each():
    faults = happenings.plan_faults(3, 100, 21 * DAY_S, 49 * DAY_S)
    assert Counter(fault.klass for fault in faults) == {"closed_valve": 2, "frozen": 2, "stuck": 3, "drift": 1}


@pytest.mark.parametrize(("only", "circuits"), [("", 20), ("ageing", 40)])
def test_half_of_the_circuits_have_a_fault_or_all_have_the_same(only, circuits):
    faults = wiring.plan_faults(1, 40, 21 * DAY_S, 45 * DAY_S, only)
    assert len(faults) == len({fault.device for fault in faults}) == circuits
    assert {fault.klass for fault in faults} == ({only} if only else set(wiring.FAULTS))
