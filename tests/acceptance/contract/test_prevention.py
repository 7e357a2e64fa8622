"""Contract 12: from what happens to the graded risk of a site."""

from tests.acceptance.contract.system import AREA, System, now_ms, wait_for

WITHIN_S = 60


def test_a_fire_turns_its_site_red_within_a_minute_and_subscribers_hear_of_it(system: System, device: str) -> None:
    site = system.http.post("/api/v1/sites", json={"name": "学校", "area": AREA}).json()["id"]
    registered = {"kind": "panel", "area": AREA, "site": site}
    assert system.http.put(f"/api/v1/devices/{device}", json=registered).status_code in (200, 201)
    fire = {"event_id": "e1", "ts": now_ms(), "type": "manual_alarm", "component": "手报 1"}
    system.publish(device, fire, kind="panel", channel="event")

    def red() -> dict[str, object] | None:
        shown = system.http.get(f"/api/v1/sites/{site}/risk").json()
        return shown if shown["grade"] == "red" else None

    shown = wait_for(red, "the fire in the risk of its site", WITHIN_S)
    assert shown["score"] == sum(reason["points"] for reason in shown["reasons"])
    assert [reason["code"] for reason in shown["reasons"]] == ["fire_open"]
    assert [line["score"] for line in shown["history"]] == [shown["score"]]
    assert site in [item["site"]["id"] for item in system.http.get("/api/v1/risk?grade=red").json()["items"]]
    (told,) = system.rows("select data from subscription_event where subject = $1", f"site:{site}")
    assert '"red"' in told["data"]
