"""Names, times and measured values of what a panel says."""

import re
from datetime import datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.contracts import READING_FIELDS, READING_MODELS, Event
from services.core.topics import DEVICE_PATTERN
from services.gateway.frames import write_time
from services.gateway.meaning import render
from services.gateway.objects import Item, write_text31, write_unit
from services.ingest.decode import decode
from tests.unit.gateway.panel import LABEL, NOW, POINT, PROFILES, Panel, analog, detector


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


@pytest.mark.parametrize("raw", [0x7FFF, -0x8000])
@pytest.mark.parametrize(
    ("kind", "system", "component"), [(5, 11, 1), (9, 1, 16), (3, 1, 18), (2, 11, 92), (10, 11, 1)]
)
def test_the_end_of_the_scale_is_no_measurement(raw, kind, system, component):
    broken = analog(kind, raw, component=component, system_type=system)
    (reading,) = Panel().say(write_unit(3, [broken])).readings
    body = orjson.dumps({"ts": reading.ts, "seq": 1, **reading.fields})
    received_us = round(NOW.timestamp() * 1_000_000)
    message = decode(f"fire/v1/140931100/{reading.kind}/X/up/telemetry", body, received_us)
    assert not message.readings
    assert [reject.reason for reject in message.rejects] == [f"bad_field: {field}" for field in reading.fields]


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
        assert "clock" not in event or text == "无法完全解读"  # none of the others has a time to tell
    assert panel.say(b"\x82\x01\xaa\xbb").events[0]["raw"] == "8201aabb"
    assert panel.states == {}


def test_a_fire_in_front_of_unreadable_bytes_is_told_and_the_rest_is_kept():
    adu = detector(0b11) + b"rest"
    events = Panel().say(adu).events
    assert [event["type"] for event in events] == ["fire", "operation"]
    assert events[1]["raw"] == adu.hex()


@pytest.mark.parametrize(
    "adu", [b"", b"\x16", write_unit(28, [Item(time=LABEL)]), write_unit(28, [Item(time=bytes(6))])]
)
def test_heartbeats_make_no_events(adu):
    meaning = Panel().say(adu)
    assert (meaning.events, meaning.readings) == ([], [])


def test_a_reported_clock_gives_its_offset():
    assert Panel().say(write_unit(28, [Item(time=LABEL)])).clock_offset_s == -20
    assert Panel().say(write_unit(8, [Item(system_type=1, system_address=1, time=LABEL)])).clock_offset_s == -20


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(sorted(PROFILES)))
def test_any_data_units_give_events_and_readings_of_the_contract(first, second, profile):
    panel = Panel(PROFILES[profile])
    for adu in (first, second):
        meaning = panel.say(adu)
        for event in render(meaning, "x", 2**32 - 1):
            Event.model_validate_json(orjson.dumps(event))
        for reading in meaning.readings:
            assert re.fullmatch(DEVICE_PATTERN, "utd-000000000000-" + (reading.suffix or "x"))
