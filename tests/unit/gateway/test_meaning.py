"""What the bits of a panel mean as events."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.contracts import Event
from services.gateway.meaning import Known, render
from services.gateway.naming import component_of, have_one_name, key_of
from services.gateway.objects import Item, holds_fire, read_unit, write_unit
from tests.unit.gateway.panel import LABEL, STANDARD, Panel, detector, system


def test_a_detector_fire_is_an_event_with_a_readable_component():
    meaning = Panel().say(detector(0b11))
    (event,) = render(meaning, "p", 7)
    assert Event.model_validate_json(orjson.dumps(event))
    assert event["type"] == "fire"
    assert event["component"] == "3-12 感烟火灾探测器"
    assert (event["zone"], event["system_type"], event["component_type"]) == ("3", 1, 40)
    assert event["ts"] == "2026-05-01T16:00:10.000+08:00"
    assert "三层走廊" in event["description"]
    assert (event["event_id"], event["seq"]) == ("p-0", 7)
    assert meaning.urgent


@pytest.mark.parametrize("before", [None, 0, 1, 0b10, 0b11])
@pytest.mark.parametrize("state", [0b10, 0b11])
def test_bit_0_never_drops_or_weakens_a_fire(state, before):
    panel = Panel()
    if before is not None:
        panel.say(detector(before))
    assert panel.events(detector(state)) == [("fire", True)]


@given(st.integers(0, 65_535), st.integers(0, 65_535), st.sampled_from([detector, system]))
def test_a_set_fire_bit_always_makes_a_fire_whatever_came_before(before, state, build):
    panel = Panel()
    panel.say(build(before))
    events = panel.events(build(state | 0b10))
    assert ("fire", True) in events
    assert holds_fire(read_unit(build(state | 0b10)))


@given(st.lists(st.integers(0, 0x1FF), min_size=1, max_size=6))
def test_conditions_open_and_close_in_step_with_the_bits(states):
    panel = Panel()
    open_now = set()
    names = {1: "fire", 2: "fault", 3: "disabled", 4: "supervisory", 5: "started", 6: "feedback", 7: "delay"}
    names[8] = "power_fault"
    for state in states:
        for kind, active in panel.events(detector(state)):
            if kind != "test":
                (open_now.add if active else open_now.remove)(kind)
        assert open_now == {name for bit, name in names.items() if state >> bit & 1}


def test_repeats_that_are_no_fire_are_dropped_and_repeated_fires_are_not():
    panel = Panel()
    assert panel.events(detector(0b111)) == [("fire", True), ("fault", True)]
    assert panel.events(detector(0b111)) == [("fire", True)]
    assert panel.events(detector(0b001)) == [("fire", False), ("fault", False)]
    assert panel.events(detector(0b001)) == []


def test_every_system_state_bit_has_its_event_type():
    types = [kind for kind, _ in Panel().events(system(0b1_1111_1111_1111))]
    assert types == [
        "fire", "fault", "disabled", "supervisory", "started", "feedback", "delay", "mains_fault", "battery_fault",
        "bus_fault", "operation", "operation",
    ]  # fmt: skip


def test_every_state_bit_of_the_transmission_device_has_its_event_type_and_makes_a_reading():
    meaning = Panel().say(write_unit(21, [Item(state=0x7F, time=LABEL)]))
    assert [event["type"] for event in meaning.events] == [
        "fire", "fault", "mains_fault", "battery_fault", "link_fault", "line_fault",
    ]  # fmt: skip
    assert [event.get("component", "") for event in meaning.events] == [""] * 6
    (reading,) = meaning.readings
    assert (reading.suffix, reading.kind) == ("", "panel")
    assert reading.fields == {"mains_ok": False, "battery_ok": False, "link_ok": False}


def test_the_manual_key_of_the_transmission_device_is_a_manual_alarm():
    adu = write_unit(24, [Item(operation=0b100, operator=3, time=LABEL)])
    meaning = Panel().say(adu)
    assert [(event["type"], event["operator"]) for event in meaning.events] == [("manual_alarm", 3)]
    assert meaning.urgent
    assert holds_fire(read_unit(adu))
    assert not holds_fire(read_unit(write_unit(24, [Item(operation=0b1000, operator=3, time=LABEL)])))
    assert not holds_fire(read_unit(b""))


@pytest.mark.parametrize(
    ("flag", "types"),
    [
        (24, ["reset", "silence", "manual_alarm", "operation", "test", "guard_reply", "test"]),
        (4, ["reset", "silence", "manual_alarm", "operation", "test", "operation", "test"]),
    ],
)
def test_every_operation_bit_has_its_event_type(flag, types):
    who = {"system_type": 1, "system_address": 1} if flag == 4 else {}
    assert [
        kind for kind, _ in Panel().events(write_unit(flag, [Item(operation=0x7F, operator=0, time=LABEL, **who)]))
    ] == types
    assert Panel().events(write_unit(flag, [Item(operation=0, operator=0, time=LABEL, **who)])) == [("operation", True)]


def test_after_a_reset_what_still_stands_is_told_anew():
    panel = Panel()
    panel.say(detector(0b101))
    reset = write_unit(4, [Item(system_type=1, system_address=1, operation=1, operator=0, time=LABEL)])
    meaning = panel.say(reset)
    assert [event["type"] for event in meaning.events] == ["reset"]
    assert meaning.ends_fire
    assert panel.states == {}
    assert panel.events(detector(0b101)) == [("fault", True)]


def test_the_reset_bit_of_a_system_state_comes_first_and_is_told_once():
    panel = Panel()
    panel.say(detector(0b11))
    assert panel.events(system(0x2000 | 0b111)) == [("reset", True), ("fire", True), ("fault", True)]
    assert panel.events(system(0x2000 | 0b101)) == [("fire", False)]
    assert panel.events(system(0b101)) == []
    assert panel.events(system(0x2001)) == [("reset", True)]


def test_a_condition_without_component_ends_only_when_nothing_else_reports_it():
    panel = Panel()
    panel.say(system(0b111, kind=1))
    panel.say(system(0b101, kind=11))
    panel.say(detector(0b101))
    assert panel.events(system(0b001, kind=1)) == [("fire", False)]
    assert panel.events(system(0b001, kind=11)) == [("fault", False)]


@pytest.mark.parametrize("state", [0b11, 0b101, 0b1000001], ids=["fire", "fault", "feedback of a module"])
@pytest.mark.parametrize(
    ("one", "other"),
    [({"system": 1}, {"system": 10}), ({"system_address": 0}, {"system_address": 1})],
    ids=["type of the system", "address of the system"],
)
def test_a_condition_of_a_component_ends_only_when_nothing_of_its_name_reports_it(state, one, other):
    panel = Panel()
    ((kind, _),) = panel.events(detector(state, kind=82, **one))
    assert panel.events(detector(state, kind=82, **other)) == [(kind, True)]
    assert panel.events(detector(0b1, kind=82, **one)) == []
    assert panel.events(detector(0b1, kind=82, **other)) == [(kind, False)]


@pytest.mark.parametrize("other", [{"system_address": 2}, {"address": b"\4\0\x0c\0"}, {"kind": 83}])
def test_a_component_of_another_name_does_not_keep_a_condition(other):
    panel = Panel()
    panel.say(detector(0b101, **{"kind": 82} | other))
    panel.say(detector(0b101, kind=82))
    assert panel.events(detector(0b1, kind=82)) == [("fault", False)]


@given(*2 * [st.tuples(*4 * [st.integers(0, 3)])])
def test_keys_have_one_name_exactly_where_people_read_one(one, other):
    items = [
        Item(system_type=a, system_address=b, component_type=c, component_address=bytes((d, 0, 1, 0)))
        for a, b, c, d in (one, other)
    ]
    names = {component_of(item, STANDARD) for item in items}
    assert have_one_name(*map(key_of, items)) == (len(names) == 1)


def test_a_reset_forgets_nothing_that_was_heard_after_it():
    panel = Panel()
    panel.say(detector(0b11), arrival=10)
    panel.say(detector(0b101, address=b"\1\0\1\0"), arrival=3)
    panel.say(write_unit(24, [Item(operation=1, operator=0, time=LABEL)]), arrival=9)
    assert list(panel.states.values()) == [Known(0b11, 10)]


def test_test_mode_is_told_only_of_devices_that_use_the_bit():
    panel = Panel()
    assert panel.events(detector(0)) == []
    assert panel.events(detector(1)) == [("test", False)]
    assert panel.events(detector(0)) == [("test", True)]
    assert panel.events(detector(0b10)) == [("fire", True)]
    assert panel.events(detector(1)) == [("test", False), ("fire", False)]


def test_a_state_that_was_overtaken_by_a_newer_one_ends_nothing():
    panel = Panel()
    panel.say(detector(0b11), arrival=10)
    assert panel.events(detector(0b101), arrival=5) == [("fault", True), ("fault", False)]
    assert panel.events(detector(0b10), arrival=6) == [("fire", True)]
    assert panel.events(detector(0b01), arrival=7) == []
    assert panel.states["c:1:1:40:03000c00"] == Known(0b11, 10)


def test_words_that_end_a_fire_are_known():
    panel = Panel()
    assert panel.say(write_unit(24, [Item(operation=0b1000, operator=0, time=LABEL)])).ends_fire
    assert not panel.say(detector(0b11)).ends_fire
    assert panel.say(detector(0b01)).ends_fire


def test_a_reset_seen_first_ends_the_fires_of_components_too():
    panel = Panel()
    panel.say(detector(0b11))
    panel.say(write_unit(21, [Item(state=0b11, time=LABEL)]))
    assert panel.events(system(0x2001)) == [("reset", True)]
    assert set(panel.states) == {"s:1:1"}
