"""Contract 3 and 6 on the whole system: a fire in broken bytes reaches 119, a twin spelling is no second witness."""

import json

from tests.acceptance.contract.system import System, now_ms, wait_for

BROKEN = {
    "nul": lambda text: text.encode() + b"\0",
    "nuls": lambda text: text.encode() + b"\0" * 256,
    "ctrl-z": lambda text: text.encode() + b"\x1a",
    "comma": lambda text: text[:-1].encode() + b",}",
    "brace": lambda text: text[:-1].encode(),
    "two": lambda text: text.encode() * 2,
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "gb18030": lambda text: text.encode("gb18030"),
    "quote": lambda text: text.replace("三楼", '三"楼').encode(),
}
TWINS = ["3-12 ", "3-12\u00a0", "3-1\u200b2", "３－１２", "3-012", "3-12\0"]


def event(kind: str, **parts: object) -> dict[str, object]:
    return {"event_id": f"e-{now_ms()}", "ts": now_ms(), "type": kind, **parts}


def test_a_pressed_call_point_reaches_119_whatever_became_of_its_bytes(system: System, device: str) -> None:
    for name, broken in BROKEN.items():
        sent = event("manual_alarm", component="3-12", description="三楼手报")
        text = json.dumps(sent, ensure_ascii=False)
        system.publish(f"{device}-{name}", broken(text), kind="panel", channel="event")
    for name in BROKEN:
        told = wait_for(lambda name=name: system.desk.of(f"{device}-{name}", "fire.confirmed"), f"the fire of {name}")
        assert len(told) == 1
        assert system.events(f"{device}-{name}")[0]["extra"], name


def test_twin_spellings_of_one_component_confirm_nothing_and_another_component_does(
    system: System, device: str
) -> None:
    for component in ["3-12", *TWINS]:
        system.publish(device, event("fire", component=component), kind="panel", channel="event")
    wait_for(lambda: len(system.events(device)) == 1 + len(TWINS), "every event")
    system.publish(f"{device}-x", event("manual_alarm", component="1"), kind="panel", channel="event")
    wait_for(lambda: system.desk.of(f"{device}-x", "fire.confirmed"), "a later fire at the desk")
    assert system.desk.of(device) == []
    (alarm,) = system.alarms(device)
    assert (alarm["component"], alarm["confidence"]) == ("3-12", "suspected")
    system.publish(device, event("fire", component="3-13"), kind="panel", channel="event")
    wait_for(lambda: system.desk.of(device, "fire.confirmed"), "fire.confirmed")
