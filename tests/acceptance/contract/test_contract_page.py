"""docs/contract.md against the running system, as a stranger sees it: what is written there is what is there."""

import uuid

import pytest

from tests.acceptance.contract.system import System, now_ms, wait_for
from tests.support.contract_page import example, plain, rows, words

EVENTS = [row for row in rows("Event types", "event type") if not row["alarm"].startswith("none")]


def test_endpoints_json_has_the_shape_of_the_example(system: System) -> None:
    wanted = example("1. Commands")
    assert system.endpoints.keys() == wanted.keys()
    for name in ("mqtt", "admin", "gateway", "processes"):
        assert system.endpoints[name].keys() >= wanted[name].keys(), name


def test_every_table_has_the_columns_that_are_named(system: System) -> None:
    found = system.rows("select table_name, column_name from information_schema.columns where table_schema = 'public'")
    columns: dict[str, set[str]] = {}
    for row in found:
        columns.setdefault(row["table_name"], set()).add(row["column_name"])
    for row in rows("4. Database", "table"):
        assert set(words(row["columns among others"])) <= columns.get(plain(row["table"]), set()), row["table"]


def test_every_path_is_there_with_its_methods(system: System) -> None:
    paths = system.http.get("/openapi.json").json()["paths"]
    for row in rows("5. HTTP API", "path"):
        assert {method.lower() for method in row["methods"].split()} <= paths.get(plain(row["path"]), {}).keys(), row


def test_the_rules_in_force_are_the_default_rules(system: System) -> None:
    items = {item["code"]: item for item in system.http.get("/api/v1/rules").json()["items"]}
    for row in rows("8. Default rules", "code"):
        assert items[plain(row["code"])]["severity"] == row["severity"].split(";")[0], row


@pytest.mark.parametrize("kind", ["panel", "electrical"])
def test_each_event_type_raises_its_alarm_with_its_severity(system: System, kind: str) -> None:
    column = "severity of a panel" if kind == "panel" else "severity otherwise"
    wanted = {}
    for number, row in enumerate(EVENTS):
        device, name = f"t-{uuid.uuid4().hex[:10]}", plain(row["event type"])
        wanted[device] = (words(row["alarm"])[0], row[column])
        body = {"event_id": device, "ts": now_ms(), "seq": number, "type": name}
        system.publish(device, body, kind=kind, channel="event")
    for device, (code, severity) in wanted.items():
        alarm = wait_for(lambda device=device: system.alarms(device), f"{code} of {device}")[0]
        assert (alarm["code"], alarm["severity"]) == (code, severity)


def test_documents_and_notices_have_the_fields_that_are_named(system: System, device: str) -> None:
    listed = {row["document"]: set(words(row["fields"])) for row in rows("Documents", "document")}
    body = {"event_id": device, "ts": now_ms(), "seq": 1, "type": "manual_alarm", "component": "MCP-1"}
    system.publish(device, body, kind="panel", channel="event")
    notice = wait_for(lambda: system.desk.of(device, "fire.confirmed"), "fire.confirmed")[0]
    wanted = example("7. Dispatch")
    assert notice.keys() >= wanted.keys()
    assert notice["device"].keys() == wanted["device"].keys()
    assert notice["alarm"].keys() >= listed["alarm"]
    assert system.alarms(device)[0].keys() >= listed["alarm"]
    found = system.device(device)
    assert found.keys() >= listed["device"]
    assert found["quality"].keys() >= listed["quality"]
    made = system.http.post("/api/v1/sites", json={"name": "保德县人民医院", "area": "140931100"})
    assert made.status_code == 201, made.text
    assert made.json().keys() >= listed["site"]
