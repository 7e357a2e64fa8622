"""Which fires of a flood are no alarms of their own: never one that a person pressed, never because of old ones."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.surplus import (
    FireBound,
    Room,
    adds_evidence,
    evidence_of,
    find_full,
    may_be_surplus,
    read_bound,
)
from services.core.alarms.fires.site import FireKey, SiteFires
from services.core.alarms.life.happenings import SiteWindow
from services.core.alarms.life.model import Alarm
from services.core.rules.parameters import DEFAULTS
from services.core.words import Confidence
from tests.unit.core.alarms.fires.scene import START, Scene, fire, seconds

BOUND = FireBound(5, timedelta(minutes=10))
WINDOW = timedelta(minutes=5)


def burning(*fires: Iterable[str]) -> Scene:
    scene = Scene()
    for components in fires:
        for component in components:
            scene.happen(fire(component))
    return scene


def numbers(count: int, start: int = 0) -> list[str]:
    return [f"d{n}" for n in range(start, start + count)]


def is_surplus(site: SiteFires, component: str, *, manual: bool = False) -> bool:
    found = fire(component, manual=manual)
    return may_be_surplus(site, "p1", found) and find_full(site, "p1", START, BOUND) is not None


def test_a_device_is_full_when_so_many_of_its_fires_opened_lately_and_for_what_is_new_alone() -> None:
    site = burning(numbers(5)).site
    assert not is_surplus(burning(numbers(4)).site, "new")
    assert is_surplus(site, "new")
    assert not is_surplus(site, "d3"), "it is an alarm already: a repeat"
    assert not is_surplus(site, "pressed", manual=True)
    assert not may_be_surplus(site, "p1", fire("new", active=False))
    assert find_full(site, "p2", START, BOUND) is None, "a neighbour is not full"


def test_old_fires_that_nobody_judged_take_no_room() -> None:
    site = burning(numbers(300)).site
    assert find_full(site, "p1", START + seconds(599), BOUND) is not None
    assert find_full(site, "p1", START + seconds(600), BOUND) is None
    full = find_full(site, "p1", START, BOUND)
    assert full is not None
    assert full.until == START + seconds(600)


def test_fires_of_a_test_take_no_room_from_those_after_it_nor_pressed_ones_from_detectors() -> None:
    scene = Scene()
    scene.happen(SiteWindow(START + seconds(60)))
    for component in numbers(210):
        scene.happen(fire(component))
    assert find_full(scene.site, "p1", START, BOUND) is not None, "a test has its own bound"
    assert find_full(scene.site, "p1", START + seconds(61), BOUND) is None
    pressed = Scene()
    for component in numbers(20):
        pressed.happen(fire(component, manual=True))
    assert find_full(pressed.site, "p1", START, BOUND) is None


KEYS = st.tuples(st.sampled_from(["p1", "p2"]), st.integers(0, 30).map(str))
ALARMS = st.dictionaries(KEYS, st.tuples(st.integers(0, 3600), st.booleans(), st.booleans()), max_size=40)


@given(ALARMS, st.integers(0, 40).map(str), st.booleans(), st.integers(1, 20))
def test_nothing_that_a_person_pressed_is_ever_surplus(
    opened: dict[tuple[str, str], tuple[int, bool, bool]], component: str, testing: bool, most: int
) -> None:
    model = next(iter(burning(["d1"]).site.alarms.values()))
    alarms: dict[FireKey, Alarm] = {}
    for (device, name), (age_s, tested, manual) in opened.items():
        memory = replace(model.memory, tested=tested, manual=manual)
        alarms[FireKey(device, name)] = replace(model, opened_at=START - seconds(age_s), memory=memory)
    site = SiteFires("site:1", alarms, test_until=START + seconds(60) if testing else None)
    assert not may_be_surplus(site, "p1", fire(component, manual=True))
    bound = FireBound(most, timedelta(minutes=10))
    full = find_full(site, "p1", START, bound)
    if full is None:
        return
    recent = [alarm for key, alarm in alarms.items() if key.device == "p1" and START - alarm.opened_at < bound.within]
    assert len(recent) >= most, "only what opened lately fills a device"
    assert START < full.until <= START + bound.within, "it has an end"
    assert not full.surely_counts(fire(component, manual=True), START)
    assert not full.surely_counts(fire("new"), full.until)
    for key in alarms:
        if key.device == "p1":
            assert not full.surely_counts(fire(key.component), START), "a repeat of an open fire is judged"


def test_a_surplus_fire_is_told_as_evidence_until_the_site_has_two_fresh_ones_of_its_sort() -> None:
    scene = burning(numbers(5))
    later = START + seconds(151)
    item = evidence_of(fire("new"), "p1", START)
    assert not adds_evidence(scene.site, item, WINDOW), "the fires that filled the device speak for all"
    for component, adds in (("n1", True), ("n2", True), ("n3", False)):
        scene.now = later
        item = evidence_of(fire(component), "p1", later)
        assert adds_evidence(scene.site, item, WINDOW) is adds
        scene.happen(item)
    scene.now = START + seconds(400)
    scene.happen(fire("x1", device="p2"))
    assert scene.site.alarms[FireKey("p2", "x1")].confidence is Confidence.CONFIRMED, "surplus confirms a neighbour's"


def test_where_the_rule_is_switched_off_nothing_is_surplus() -> None:
    assert read_bound(DEFAULTS) == FireBound(200, timedelta(minutes=10))
    off = {**DEFAULTS, "device_flooding": {**DEFAULTS["device_flooding"], "enabled": 0}}
    assert read_bound(off) is None


def test_other_conditions_have_room_for_so_many_alarms_and_the_first_of_each_code_always_has() -> None:
    room = Room(3, timedelta(minutes=10))
    room.fill(1, ["tamper"])
    assert [room.takes("fault") for _ in range(4)] == [True, True, False, False]
    assert room.takes("link_fault"), "the first of its code"
    assert not room.takes("link_fault")
    assert not room.takes("tamper"), "one is open"
