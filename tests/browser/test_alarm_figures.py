"""The figures of an alarm have the unit that its rule judged in."""

import re
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from tests.browser.county import AREA
from tests.support.servers import until

TANK = "SC-METRES"


def test_a_level_that_was_judged_in_metres_is_shown_in_metres(visit: Any, system: Any) -> None:
    body = {"kind": "water", "area": AREA, "name": "高位水箱", "form": "tank", "limits": {"level_m_low": 1.5}}
    system.call("PUT", f"/api/v1/devices/{TANK}", body)
    system.reading(TANK, "water", level_pct=80, level_m=0.5)
    system.reading(TANK, "water", level_pct=80, level_m=0.5)
    until(lambda: bool(system.alarms(device=TANK, code="water_level_low")), what="the alarm of the tank")
    (alarm,) = system.alarms(device=TANK, code="water_level_low")
    page = visit(f"/#/desk/{alarm['id']}")
    expect(page.locator(".figure").first).to_have_text("0.50 m")
    expect(page.locator(".limit").first).to_contain_text("1.50 m")
    expect(page.locator(".figure.now")).to_have_text("0.50 m")
    system.reading(TANK, "water", level_pct=80, level_m=0.4)
    expect(page.locator(".figure.now")).to_have_text("0.40 m")
    expect(page.locator(".figure").first).to_have_text("0.50 m")


def test_a_level_of_now_is_the_one_that_the_gauge_sends_by_now(visit: Any, system: Any) -> None:
    body = {"kind": "water", "area": AREA, "name": "消防水池", "form": "pool", "limits": {"level_pct_low": 30}}
    system.call("PUT", "/api/v1/devices/FIG-LEVEL", body)
    system.reading("FIG-LEVEL", "water", level_pct=25)
    system.reading("FIG-LEVEL", "water", level_pct=25)
    until(lambda: bool(system.alarms(device="FIG-LEVEL", code="water_level_low")), what="the alarm of the pool")
    (alarm,) = system.alarms(device="FIG-LEVEL", code="water_level_low")
    device = system.call("GET", "/api/v1/devices/FIG-LEVEL")
    system.call(
        "PUT", "/api/v1/devices/FIG-LEVEL", body | {"limits": {"level_pct_low": 28}, "version": device["version"]}
    )
    page = visit(f"/#/desk/{alarm['id']}")
    expect(page.locator(".figure.now")).to_have_text("25.0 %")
    system.reading("FIG-LEVEL", "water", level_m=0.9)
    expect(page.locator(".figure.now")).to_have_text("0.90 m")
    expect(page.locator(".figure").first).to_have_text("25.0 %")


@pytest.mark.parametrize("unit", ["MPa", "m"])
def test_what_an_early_warning_saw_and_expected_is_shown_in_its_unit(visit: Any, system: Any, unit: str) -> None:
    body = {"kind": "hydrant", "area": AREA, "name": "文化路消火栓"}
    system.call("PUT", "/api/v1/devices/FIG-EARLY", body)
    system.reading("FIG-EARLY", "hydrant", tilt_deg=60)
    system.reading("FIG-EARLY", "hydrant", tilt_deg=60)
    until(lambda: bool(system.alarms(device="FIG-EARLY")), what="an alarm")
    (alarm,) = system.alarms(device="FIG-EARLY")
    early = {"members": [], "location": None, "unit": unit, "since": alarm["opened_at"], "until": None, "sure": "fair"}

    def warn(route: Any) -> None:
        told = route.fetch().json()
        route.fulfill(json={**told, "early_warning": early})  # its figures are those that the stream tells as well

    page = visit("/#/system")
    page.route(f"**/api/v1/alarms/{alarm['id']}", warn)
    page.route("**/expectation", lambda route: route.fulfill(json={"at": []}))  # what this alarm really is has no chart
    page.goto(f"{page.url.partition('#')[0]}#/desk/{alarm['id']}")
    expect(page.locator(".figure").first).to_have_text(f"60.000 {unit}")
    expect(page.locator(".early")).to_contain_text("该时段没有数据")
    expect(page.locator(".limit").first).to_have_text(f"预期 {alarm['limit']:.3f} {unit}")


@pytest.mark.parametrize(
    ("told", "figure", "limit"),
    [
        ({"code": "device_offline", "device": None, "value": 37.0, "limit": 3.0}, "37 台", None),
        ({"code": "device_offline", "device": "FIG-UNIT", "value": 37.0, "limit": 3.0}, "37 分", "限值 3 分"),
        ({"code": "mains_event", "device": None, "value": 5.0, "limit": 3.0}, "5 台", "限值 3 台"),
        ({"code": "set_aside", "device": None, "value": 1.0, "limit": None}, "1", None),
        ({"code": "ingest_stalled", "device": None, "value": 35.0, "limit": 10.0}, "35 秒", "限值 10 秒"),
        ({"code": "clock_drift", "device": None, "value": 2.5, "limit": 1.0}, "2.5 秒", "限值 1 秒"),
        ({"code": "certificate_expiring", "device": None, "value": 12.0, "limit": 30.0}, "12 天", "限值 30 天"),
        (
            {"code": "clock_drift", "component": "records", "device": None, "value": 12.0, "limit": 5.0},
            "12 分", "限值 5 分",
        ),
    ],
)  # fmt: skip
def test_what_is_counted_and_what_our_own_health_is_judged_in_have_their_unit(
    visit: Any, system: Any, told: dict[str, Any], figure: str, limit: str | None
) -> None:
    system.call("PUT", "/api/v1/devices/FIG-UNIT", {"kind": "hydrant", "area": AREA, "name": "人民路消火栓"})
    if not system.alarms(device="FIG-UNIT"):
        system.reading("FIG-UNIT", "hydrant", tilt_deg=60)
        system.reading("FIG-UNIT", "hydrant", tilt_deg=60)
        until(lambda: bool(system.alarms(device="FIG-UNIT")), what="an alarm")
    (alarm,) = system.alarms(device="FIG-UNIT")

    def tell(route: Any) -> None:
        try:
            answer = route.fetch()
            body = answer.json()
        except Error:
            return  # it was asked by the page that was left meanwhile
        for one in body.get("items", [body]):
            if one["id"] == alarm["id"]:
                one.update(told)
        route.fulfill(response=answer, json=body)

    page = visit("/#/help")
    page.route(re.compile(rf"/api/v1/alarms(\?|/{alarm['id']}$)"), tell)
    page.goto(f"{system.api}/?lang=zh#/desk/{alarm['id']}")
    expect(page.locator(".figure").first).to_have_text(figure)
    expect(page.locator(".limit")).to_have_count(1 if limit else 0)
    if limit:
        expect(page.locator(".limit")).to_have_text(limit)
