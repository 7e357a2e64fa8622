import re
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.contracts import READING_FIELDS, READING_MODELS, Event
from services.core.topics import DEVICE_PATTERN
from services.gateway.frames import write_time
from services.gateway.meaning import Known, interpret, render
from services.gateway.objects import Item, holds_fire, read_unit, write_text31, write_unit
from services.gateway.profiles import load_profiles

PROFILES = load_profiles()
STANDARD = PROFILES["standard"]
NOW = datetime(2026, 5, 1, 8, 0, 30, tzinfo=UTC)
LABEL = write_time(NOW - timedelta(seconds=20), 480)
POINT = b"\x03\0\x0c\0"


def detector(state, kind=40, *, address=POINT, system_address=1, time=LABEL, text="三层走廊", system=1):
    return write_unit(
        2,
        [
            Item(
                system_type=system,
                system_address=system_address,
                component_type=kind,
                component_address=address,
                state=state,
                text=write_text31(text),
                time=time,
            )
        ],
    )


def system(state, kind=1, address=1):
    return write_unit(1, [Item(system_type=kind, system_address=address, state=state, time=LABEL)])


def analog(kind, value, *, component=0, system_type=11, time=LABEL, address=POINT):
    return Item(
        system_type=system_type,
        system_address=1,
        component_type=component,
        component_address=address,
        analog_type=kind,
        value=value,
        time=time,
    )


class Panel:
    """Feeds data units in order and keeps the states between them, as the gateway does."""

    def __init__(self, profile=STANDARD):
        self.profile = profile
        self.states = {}
        self.arrival = 0

    def say(self, adu, arrival=None):
        self.arrival += 1
        meaning = interpret(read_unit(adu), self.profile, self.states, arrival or self.arrival, NOW)
        for key, known in meaning.states.items():
            if known is None:
                self.states.pop(key, None)
            else:
                self.states[key] = known
        return meaning

    def events(self, adu, arrival=None):
        return [(event["type"], event["active"]) for event in self.say(adu, arrival).events]


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


@pytest.mark.parametrize(
    ("profile", "component"),
    [
        ("standard", "10-2 感烟火灾探测器"),
        ("point_first", "2-10 感烟火灾探测器"),
        ("flat_address", "131082 感烟火灾探测器"),
    ],
)
def test_the_order_of_a_component_address_is_the_profiles(profile, component):
    meaning = Panel(PROFILES[profile]).say(detector(2, address=bytes.fromhex("0a000200")))
    assert meaning.events[0]["component"] == component


def test_components_of_several_systems_and_unknown_types_keep_apart():
    panel = Panel()
    names = {
        panel.say(detector(2, kind, system_address=address)).events[0]["component"]
        for kind, address in ((40, 1), (40, 2), (130, 1), (7, 1))
    }
    assert names == {"3-12 感烟火灾探测器", "2:3-12 感烟火灾探测器", "3-12 自定义部件类型130", "3-12 预留部件类型7"}


@pytest.mark.parametrize("label", [bytes(6), b"\xff" * 6, bytes((1, 2, 3, 31, 2, 26))])
def test_an_invalid_time_is_marked_and_never_costs_the_fire(label):
    (event,) = Panel().say(detector(0b11, time=label)).events
    assert event["ts"] == "2026-05-01T16:00:30.000+08:00"
    assert (event["clock"], event["device_time"]) == ("invalid", label.hex())


def test_a_wrong_but_valid_clock_of_an_event_is_left_to_ingest():
    old = write_time(NOW - timedelta(days=3300), 480)
    (event,) = Panel().say(detector(0b11, time=old)).events
    assert event["ts"].startswith("2017-")


@pytest.mark.parametrize(
    ("item", "suffix", "kind", "field", "value"),
    [
        (analog(5, 2850), "hydrant-11-1-3-12", "hydrant", "pressure_mpa", 0.285),
        (analog(4, 3), "hydrant-11-1-3-12", "hydrant", "pressure_mpa", 0.3),
        (analog(10, 152), "hydrant-11-1-3-12", "hydrant", "flow_lps", 15.2),
        (analog(3, -15), "hydrant-11-1-3-12", "hydrant", "water_temp_c", -1.5),
        (analog(2, 325, component=92), "water-11-1-3-12", "water", "level_m", 3.25),
        (analog(3, 55, component=92), "water-11-1-3-12", "water", "water_temp_c", 5.5),
        (analog(9, 125, component=16, system_type=1), "electrical-1-1-3-12", "electrical", "current_a_a", 12.5),
        (analog(3, 701, component=18, system_type=1), "electrical-1-1-3-12", "electrical", "temp_a_c", 70.1),
        (analog(9, 3, component=17, system_type=1), "electrical-1-1-3-12", "electrical", "residual_current_ma", 300),
        (analog(8, 2300, system_type=23), "electrical-23-1-3-12", "electrical", "voltage_a_v", 230),
    ],
)
def test_measured_values_become_readings_of_a_device_of_their_own(item, suffix, kind, field, value):
    (reading,) = Panel().say(write_unit(3, [item])).readings
    assert (reading.suffix, reading.kind, reading.fields) == (suffix, kind, {field: value})
    assert READING_MODELS[reading.kind].model_validate(
        {"ts": datetime.fromisoformat(reading.ts), "seq": 0, **reading.fields}
    )
    assert field in READING_FIELDS[reading.kind]


def test_several_values_of_one_sampling_are_one_reading():
    adu = write_unit(3, [analog(5, 2850), analog(3, 80), analog(5, 2000, address=b"\1\0\1\0")])
    readings = Panel().say(adu).readings
    assert [reading.fields for reading in readings] == [
        {"pressure_mpa": 0.285, "water_temp_c": 8.0},
        {"pressure_mpa": 0.2},
    ]


def test_values_without_a_place_stay_with_the_panel():
    adu = write_unit(3, [analog(6, 125, component=10, system_type=1), analog(200, 9)])
    (reading,) = Panel().say(adu).readings
    assert (reading.suffix, reading.fields["link_ok"]) == ("", True)
    gas, private = reading.fields["analogs"]
    assert (gas["value"], gas["unit"], gas["component"]) == (12.5, "%LEL", "3-12 可燃气体探测器")
    assert (private["value"], private["analog_type"], private["unit"]) == (9, 200, None)


def test_residual_current_comes_by_the_user_defined_type_of_a_profile():
    panel = Panel(PROFILES["residual_current_128"])
    (reading,) = panel.say(write_unit(3, [analog(128, 312, component=17, system_type=1)])).readings
    assert (reading.kind, reading.fields) == ("electrical", {"residual_current_ma": 312})


@pytest.mark.parametrize("label", [bytes(6), write_time(NOW - timedelta(days=31), 480)])
def test_a_reading_of_a_device_whose_clock_is_wrong_is_of_now_and_marked(label):
    (reading,) = Panel().say(write_unit(3, [analog(5, 2850, time=label)])).readings
    assert reading.ts == "2026-05-01T16:00:30.000+08:00"
    assert reading.fields["clock"] in {"invalid", "implausible"}
    assert reading.fields["pressure_mpa"] == 0.285


def test_versions_configurations_and_unknown_types_are_kept_and_raise_nothing():
    panel = Panel()
    version = write_unit(5, [Item(system_type=1, system_address=1, major=2, minor=7)])
    own_version = write_unit(25, [Item(major=1, minor=0)])
    config = write_unit(26, [Item(text="监控中心 10.0.0.1".encode("gb18030"))])
    point = write_unit(
        7,
        [Item(system_type=1, system_address=1, component_type=23, component_address=POINT, text=write_text31("大厅"))],
    )
    strange = write_unit(61, [Item(system_type=1, system_address=1)])
    for adu, text in (
        (version, "软件版本 2.7"), (own_version, "软件版本 1.0"), (config, "监控中心 10.0.0.1"), (point, "大厅"),
        (strange, "下行"), (b"\x82\x01\xaa\xbb", "未知类型标志 130"), (b"\x02\x01\x01\x02", "无法完全解读"),
    ):  # fmt: skip
        (event,) = panel.say(adu).events
        assert event["type"] == "operation"
        assert text in event["description"]
    assert panel.say(b"\x82\x01\xaa\xbb").events[0]["raw"] == "aabb"
    assert panel.states == {}


def test_a_fire_in_front_of_unreadable_bytes_is_told_and_the_rest_is_kept():
    events = Panel().say(detector(0b11) + b"rest").events
    assert [event["type"] for event in events] == ["fire", "operation"]
    assert events[1]["raw"] == b"rest".hex()


@pytest.mark.parametrize(
    "adu", [b"", b"\x16", write_unit(28, [Item(time=LABEL)]), write_unit(28, [Item(time=bytes(6))])]
)
def test_heartbeats_make_no_events(adu):
    meaning = Panel().say(adu)
    assert (meaning.events, meaning.readings) == ([], [])


def test_a_reported_clock_gives_its_offset():
    assert Panel().say(write_unit(28, [Item(time=LABEL)])).clock_offset_s == -20
    assert Panel().say(write_unit(8, [Item(system_type=1, system_address=1, time=LABEL)])).clock_offset_s == -20


def test_words_that_end_a_fire_are_known():
    panel = Panel()
    assert panel.say(write_unit(24, [Item(operation=0b1000, operator=0, time=LABEL)])).ends_fire
    assert not panel.say(detector(0b11)).ends_fire
    assert panel.say(detector(0b01)).ends_fire


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(sorted(PROFILES)))
def test_any_data_units_give_events_and_readings_of_the_contract(first, second, profile):
    panel = Panel(PROFILES[profile])
    for adu in (first, second):
        meaning = panel.say(adu)
        for event in render(meaning, "x", 2**32 - 1):
            Event.model_validate_json(orjson.dumps(event))
        for reading in meaning.readings:
            assert re.fullmatch(DEVICE_PATTERN, "utd-000000000000-" + (reading.suffix or "x"))


def test_a_reset_seen_first_ends_the_fires_of_components_too():
    panel = Panel()
    panel.say(detector(0b11))
    panel.say(write_unit(21, [Item(state=0b11, time=LABEL)]))
    assert panel.events(system(0x2001)) == [("reset", True)]
    assert set(panel.states) == {"s:1:1"}
