"""Who may stay: strangers' links up to a number."""

from services.core.clock import SystemClock
from services.gateway.door import Door
from services.gateway.limits import Limits
from services.gateway.profiles import load_profiles


def test_links_of_strangers_stay_up_to_a_number():
    made = Door(None, SystemClock(), Limits(unknown_links=1), load_profiles())
    assert made.has_room()
    made.links.add(object())
    assert not made.has_room()
