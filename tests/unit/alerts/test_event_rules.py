"""Every line of contract 8's second table, and what a report's part is taken for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.events import judged_at
from services.alerts.rules.events import EVENT_RULES, EVIDENCE_RULES, weigh_event
from services.alerts.rules.model import Effect, Event
from services.alerts.rules.parts import tell_part
from services.core.alarms.life.happenings import EvidenceKind
from services.core.contracts import EventType
from services.core.event_types import known_type
from services.core.words import Part
from tests.unit.alerts.readings import START, device


def weigh(kind: str = "panel", late_s: float = 0.0, **fields: Any) -> Effect:
    event = Event(**{"ts": START, "received_at": START + timedelta(seconds=late_s), **fields})
    return weigh_event(event, device(kind))


@pytest.mark.parametrize(
    ("late_s", "behind_s", "late_min", "put_right_s"),
    [
        (7200, 7200.0, 0, 7200),
        (7255, 7200.0, 0, 7200),
        (7145, 7200.0, 0, 7145),
        (7500, 7200.0, 0, 7200),  # held back for five minutes
        (9000, 7200.0, 30, 7200),
        (7135, 7200.0, 119, 0),  # too young for a clock so far behind
        (3600, 7200.0, 60, 0),
        (7200, None, 120, 0),
    ],
)
def test_an_event_of_a_clock_that_is_behind_is_as_old_as_it_is_with_the_clock_put_right(
    late_s: float, behind_s: float | None, late_min: int, put_right_s: float
) -> None:
    event = Event(type="reset", ts=START, received_at=START + timedelta(seconds=late_s))
    reset = weigh_event(judged_at(event, behind_s), device("electrical")).reset
    assert reset is not None
    assert (reset.late_min, reset.ts) == (late_min, START + timedelta(seconds=put_right_s))


@pytest.mark.parametrize(
    ("kind", "event_type", "code", "category", "severity"),
    [
        ("panel", "fire", "fire", "fire", "critical"),
        ("hydrant", "fire", "fire", "fire", "critical"),
        ("panel", "manual_alarm", "fire", "fire", "critical"),
        ("panel", "prealarm", "prealarm", "device", "major"),
        ("panel", "fault", "fault", "device", "minor"),
        ("panel", "disabled", "disabled", "device", "minor"),
        ("panel", "supervisory", "supervisory", "device", "minor"),
        ("panel", "tamper", "tamper", "device", "minor"),
        ("panel", "mains_fault", "power_fault", "device", "major"),
        ("hydrant", "mains_fault", "power_fault", "device", "minor"),
        ("panel", "battery_fault", "power_fault", "device", "major"),
        ("water", "battery_fault", "power_fault", "device", "minor"),
        ("panel", "power_fault", "power_fault", "device", "major"),
        ("electrical", "power_fault", "power_fault", "device", "minor"),
        ("panel", "bus_fault", "link_fault", "device", "major"),
        ("panel", "link_fault", "link_fault", "device", "major"),
        ("panel", "line_fault", "link_fault", "device", "major"),
        ("electrical", "line_fault", "link_fault", "device", "minor"),
        ("electrical", "arc_fault", "arc_fault", "electrical", "major"),
        ("panel", "never heard of", "fault", "device", "minor"),
    ],
)
def test_each_type_raises_its_alarm(kind: str, event_type: str, code: str, category: str, severity: str) -> None:
    finding = weigh(kind, type=event_type, component="c7", zone="z3").finding
    assert finding is not None
    assert (finding.code, finding.category, finding.severity) == (code, category, severity)
    assert (finding.device, finding.area, finding.component, finding.zone) == (f"{kind}-1", "140931100", "c7", "z3")
    assert finding.active
    assert "c7" in finding.reason.zh
    assert "z3" in finding.reason.en


@pytest.mark.parametrize("event_type", sorted(EVENT_RULES))
def test_inactive_ends_the_same_alarm(event_type: str) -> None:
    began, ended = (weigh(type=event_type, component="c", active=active).finding for active in (True, False))
    assert began is not None
    assert ended is not None
    assert not ended.active
    assert (ended.code, ended.component, ended.cause) == (began.code, began.component, began.cause)
    assert weigh(type=event_type, active=False).evidence is None


@pytest.mark.parametrize("event_type", sorted(EVIDENCE_RULES))
def test_what_raises_nothing_is_evidence(event_type: str) -> None:
    effect = weigh(type=event_type, component="c")
    assert effect.finding is None
    assert effect.reset is None
    assert effect.evidence is not None
    supports = event_type in {"started", "feedback"}
    assert (effect.evidence.kind is EvidenceKind.SUPPORT) == supports
    over = weigh(type=event_type, component="c", active=False).evidence
    assert over is not None
    assert over.kind is EvidenceKind.NOTE
    assert over.text.en.startswith(f"{event_type} over")


def test_prealarm_and_supervisory_raise_and_support() -> None:
    for event_type in ("prealarm", "supervisory"):
        effect = weigh(type=event_type)
        assert effect.finding is not None
        assert effect.evidence is not None
        assert effect.evidence.kind is EvidenceKind.SUPPORT
    assert weigh(type="fault").evidence is None


def test_reset_names_device_and_component() -> None:
    whole, one = weigh(type="reset").reset, weigh(type="reset", component="c").reset
    assert whole is not None
    assert one is not None
    assert (whole.device, whole.component, one.component) == ("panel-1", "", "c")


def test_a_type_in_the_words_of_the_table_is_that_type() -> None:
    words = {kind: rule.zh for kind, rule in (*EVENT_RULES.items(), *EVIDENCE_RULES.items())} | {"reset": "复位"}
    assert {kind: known_type(f" {word}") for kind, word in words.items()} == {kind: kind for kind in EventType}


def test_an_unknown_type_says_its_text() -> None:
    finding = weigh(type="泵房水浸", description=" 地下一层 ").finding
    assert finding is not None
    assert finding.reason == ("未知事件 泵房水浸：地下一层", "unknown event 泵房水浸: 地下一层")
    assert finding.cause == "泵房水浸"


def test_every_type_of_the_contract_has_a_meaning() -> None:
    assert {*EVENT_RULES, *EVIDENCE_RULES, "reset"} == {kind.value for kind in EventType}


@pytest.mark.parametrize(("late_s", "late_min"), [(0, 0), (600, 0), (601, 10), (3000, 50), (-60, 0)])
def test_a_late_event_is_marked_never_muted(late_s: float, late_min: int) -> None:
    finding = weigh(type="fire", component="d", late_s=late_s).finding
    assert finding is not None
    assert finding.late_min == late_min
    assert finding.active


@pytest.mark.parametrize(
    ("fields", "confidence"),
    [
        ({"type": "fire"}, "suspected"),
        ({"type": "fire", "component": "d1"}, "suspected"),
        ({"type": "fire", "component": "d1", "component_type": 40}, "suspected"),
        ({"type": "fire", "component": "m1", "component_type": 23}, "confirmed"),
        ({"type": "fire", "component": "h1", "component_type": 24}, "suspected"),
        ({"type": "fire", "component": "9", "description": "二层手动报警按钮"}, "confirmed"),
        ({"type": "fire", "component": "", "component_type": 23}, "suspected"),
        ({"type": "manual_alarm"}, "confirmed"),
        ({"type": "manual_alarm", "component": "m1"}, "confirmed"),
    ],
)
def test_only_what_a_person_pressed_is_confirmed_alone(fields: dict[str, Any], confidence: str) -> None:
    finding = weigh(**fields).finding
    assert finding is not None
    assert finding.confidence == confidence
    assert finding.manual is (confidence == "confirmed")


def test_a_manual_key_without_a_component_is_no_witness() -> None:
    key, point = weigh(type="manual_alarm").finding, weigh(type="manual_alarm", component="m1").finding
    assert key is not None
    assert point is not None
    assert (key.part, point.part) == (Part.PANEL, Part.CALL_POINT)


@pytest.mark.parametrize(
    ("component", "component_type", "system_type", "description", "part"),
    [
        ("", 40, None, "烟感", Part.PANEL),
        ("1-12", 40, None, "", Part.DETECTOR),
        ("1-12", 11, None, "", Part.DETECTOR),
        ("1-12", 1, None, "烟感", Part.PANEL),
        ("1-12", 22, None, "", Part.PANEL),
        ("1-12", 23, None, "", Part.CALL_POINT),
        ("1-12", 24, None, "", Part.DETECTOR),
        ("1-12", 96, None, "", Part.WATER_FLOW),
        ("1-12", 85, None, "", Part.OTHER),
        ("1-12", None, None, "", Part.DETECTOR),
        ("1-12", 0, None, "", Part.DETECTOR),
        ("1-12", 200, None, "", Part.DETECTOR),
        ("1-12", 200, 12, "", Part.WATER_FLOW),
        ("1-12", 0, None, "喷淋泵房烟感", Part.DETECTOR),
        ("1-12", 0, None, "手报", Part.CALL_POINT),
        ("1-12", 0, None, "三层水流指示器", Part.WATER_FLOW),
        ("1-12", 0, None, "火灾报警控制器", Part.PANEL),
        ("panel", None, None, "", Part.PANEL),
        ("sys1", None, None, "", Part.PANEL),
        ("UTD", None, None, "", Part.PANEL),
        ("utd_3", None, None, "", Part.PANEL),
        ("smoke-3", None, None, "main panel", Part.DETECTOR),
        ("mcp-2", None, None, "", Part.CALL_POINT),
        ("water-flow-1", None, None, "", Part.WATER_FLOW),
        ("synagogue-3", None, None, "", Part.DETECTOR),
        ("panel-1", None, None, "", Part.PANEL),
        ("panel-east", None, None, "", Part.PANEL),
        ("1号控制器", None, None, "", Part.PANEL),
        ("panel-1-loop-2-12", None, None, "", Part.DETECTOR),
        ("panel-1-12", None, None, "", Part.DETECTOR),
        ("panel1_loop2", None, None, "", Part.DETECTOR),
        ("UTD-2024-001", None, None, "", Part.PANEL),
        ("控制器1回路2-12", None, None, "", Part.DETECTOR),
    ],
)
def test_what_a_report_came_from(
    component: str, component_type: int | None, system_type: int | None, description: str, part: Part
) -> None:
    assert tell_part(component, component_type, system_type, description) is part


@pytest.mark.parametrize(
    ("description", "part"),
    [
        ("手报", Part.CALL_POINT),
        ("2层手动报警按钮", Part.CALL_POINT),
        ("001号 手动火灾报警按钮 一层大厅 火警", Part.CALL_POINT),
        ("1号控制器3回路12号手动报警按钮", Part.CALL_POINT),
        ("手动报警按钮3号 边门", Part.CALL_POINT),
        ("二层手动报警按钮动作", Part.CALL_POINT),
        ("手动报警按钮旁的手动报警按钮", Part.CALL_POINT),
        ("manual call point, 2nd floor", Part.CALL_POINT),
        ("corridor MCP", Part.CALL_POINT),
        ("二楼手动报警按钮旁", Part.DETECTOR),
        ("走廊尽头手报附近", Part.DETECTOR),
        ("靠近手动报警按钮", Part.DETECTOR),
        ("靠近楼梯手动报警按钮", Part.CALL_POINT),
        ("手报值班室", Part.CALL_POINT),
        ("fire alarm from manual call point", Part.CALL_POINT),
        ("near stairs MCP", Part.CALL_POINT),
        ("手动报警按钮2号旁边", Part.DETECTOR),
        ("手报边上", Part.DETECTOR),
        ("手动报警按钮对面", Part.DETECTOR),
        ("手动报警按钮2号上方", Part.CALL_POINT),
        ("3层手动报警按钮右侧", Part.CALL_POINT),
        ("手报按钮下面", Part.CALL_POINT),
        ("手动报警按钮外侧走廊", Part.CALL_POINT),
        ("手动报警按钮边厅", Part.CALL_POINT),
        ("手动报警按钮旁门", Part.CALL_POINT),
        ("手动报警按钮大厅侧", Part.CALL_POINT),
        ("水流指示器左侧", Part.WATER_FLOW),
        ("水流指示器旁", Part.DETECTOR),
        ("corridor, next to the manual call point", Part.DETECTOR),
        ("lobby near MCP 4", Part.DETECTOR),
        ("火灾报警控制器", Part.PANEL),
        ("消防控制室1号控制器火警", Part.PANEL),
        ("火灾报警控制器（联动型） 一层消控室", Part.PANEL),
        ("用户信息传输装置2", Part.PANEL),
        ("main panel", Part.PANEL),
        ("panel 3 alarm", Part.PANEL),
        ("1号控制器3回路12号火警", Part.DETECTOR),
        ("1号控制器3回路12号", Part.DETECTOR),
        ("控制器 3-012 二层走廊", Part.DETECTOR),
        ("3回路12号（1号控制器）", Part.DETECTOR),
        ("地下一层空调主机房", Part.DETECTOR),
        ("panel 1, loop 2, device 12", Part.DETECTOR),
        ("loop 2 device 12 on panel 1", Part.DETECTOR),
        ("opposite the panel", Part.DETECTOR),
        ("三层水流指示器动作", Part.WATER_FLOW),
        ("喷淋泵房 喷淋泵启动", Part.WATER_FLOW),
        ("喷淋泵房3号泵启动", Part.WATER_FLOW),
        ("湿式报警阀压力开关", Part.WATER_FLOW),
        ("地下一层喷淋泵房火警", Part.DETECTOR),
        ("报警阀间", Part.DETECTOR),
    ],
)
def test_a_description_decides_by_the_device_that_it_names_and_not_by_what_stands_near(
    description: str, part: Part
) -> None:
    assert tell_part("1-12", None, None, description) is part


@pytest.mark.parametrize(
    ("fields", "flows"),
    [
        ({"type": "feedback", "component": "w", "component_type": 96}, True),
        ({"type": "started", "component": "w", "component_type": 95}, True),
        ({"type": "supervisory", "component": "w", "component_type": 98}, True),
        ({"type": "feedback", "system_type": 12}, True),
        ({"type": "feedback", "system_type": 1}, False),
        ({"type": "feedback", "component": "w", "component_type": 85}, False),
        ({"type": "prealarm", "component": "w", "component_type": 96}, False),
        ({"type": "silence", "component": "w", "component_type": 96}, False),
    ],
)
def test_when_water_flows(fields: dict[str, Any], flows: bool) -> None:
    evidence = weigh(**fields).evidence
    assert evidence is not None
    assert (evidence.part is Part.WATER_FLOW) is flows


@given(
    event_type=st.text(min_size=1, max_size=100),
    component=st.text(max_size=50),
    component_type=st.none() | st.integers(-5, 300),
    description=st.text(max_size=300),
    active=st.booleans(),
)
def test_every_event_has_an_answer(
    event_type: str, component: str, component_type: int | None, description: str, active: bool
) -> None:
    effect = weigh(
        type=event_type,
        component=component,
        component_type=component_type,
        description=description,
        active=active,
    )
    assert effect.finding or effect.evidence or effect.reset
