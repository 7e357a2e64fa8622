"""An alarm as messages of the Common Alerting Protocol: OASIS CAP 1.2, element by element. Pure.

Called by the API (one alarm, the feed) and by push. Promises that a message is the same wherever it is asked for: its
identifier is alarm and version (and that it outlasted its test), its references are the earlier messages since the
warning began.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from services.core.city.cloudevent import over
from services.core.clock import COUNTY
from services.core.text import clean_text

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
CONTENT_TYPE: Final = "application/cap+xml"
MOST_REFERENCES: Final = 50
LONGEST: Final = 2000  # characters of a text
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2

# CAP 3.2.2. A fire that is only suspected is Possible (at most 50 %), a probable one Likely.
CATEGORY: Final = MappingProxyType(
    {"fire": "Fire", "water": "Infra", "electrical": "Safety", "device": "Infra", "system": "Infra"}
)
SEVERITY: Final = MappingProxyType({"critical": "Severe", "major": "Moderate", "minor": "Minor", "info": "Minor"})
URGENCY: Final = MappingProxyType({"critical": "Immediate", "major": "Expected", "minor": "Future", "info": "Future"})
CERTAINTY: Final = MappingProxyType({"confirmed": "Observed", "probable": "Likely", "suspected": "Possible"})
EVENT: Final = MappingProxyType(
    {
        "fire": "火警",
        "water": "消防水源异常",
        "electrical": "电气火灾隐患",
        "device": "消防设施故障",
        "system": "监测系统故障",
    }
)
RESTRICTION: Final = "限消防救援与应急管理部门使用，非公众预警"
RADIUS_KM: Final = 0.1  # of the circle around a device: a building


class Message(NamedTuple):
    """One CAP message of an alarm. `references` are (version, sent, in_earnest) of the earlier ones.

    `in_earnest`: it says that the alarm of this version is no test any more; before it came one that called it a test.
    `incident`: the one that the alarm belonged to then; it may join another without a new version.
    """

    version: int
    kind: str  # Alert, Update, Cancel
    sent: datetime
    references: tuple[tuple[int, datetime, bool], ...]
    in_earnest: bool = False
    incident: str | None = None


def messages(lines: Iterable[Mapping[str, Any]]) -> list[Message]:
    """Return the messages of an alarm; what returns after its Cancel is an Alert of its own.

    `lines` are the first transition of each version, and the one in it that ended the test, if any: `version in_earnest
    incident_id at to_state verification`.
    """
    made: list[Message] = []
    thread: list[tuple[int, datetime, bool]] = []
    for line in lines:
        ended = over(line["to_state"], line["verification"])
        if not thread and ended:
            continue
        kind = "Cancel" if ended else "Update" if thread else "Alert"
        one = line["version"], line["at"], line["in_earnest"]
        made.append(Message(one[0], kind, one[1], tuple(thread[-MOST_REFERENCES:]), one[2], line["incident_id"]))
        thread = [] if ended else [*thread, one]
    return made


def message_of(alarm: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> Message:
    """Return the message that holds for an alarm as it is told (contract 5).

    `lines` are those of `messages`; an alarm whose chain tells of no version has one message, of what it is.
    """
    made = messages(line for line in lines if line["version"] is not None)
    told = alarm["version"], not alarm["test_window"]
    found = next((message for message in reversed(made) if (message.version, message.in_earnest) <= told), None)
    if found is not None:
        return found
    ended = over(alarm["state"], alarm["verification"])
    at = (alarm["closed_at"] or alarm["cleared_at"] if ended else None) or alarm["opened_at"]
    incident = None if alarm["incident_id"] is None else str(alarm["incident_id"])
    kind = "Cancel" if ended else "Alert"
    return Message(alarm["version"], kind, datetime.fromisoformat(at), (), incident=incident)


def identifier(county: str, alarm_id: int, version: int, *, in_earnest: bool = False) -> str:
    """Return a message's identifier, unique for the sender (CAP 3.2.1: no blanks, commas, < or &)."""
    return f"{county}.{alarm_id}.{version}" + (".1" if in_earnest else "")


def sender(county: str) -> str:
    """Return who says it."""
    return f"urn:firetower:{county}"


def render(message: Message, county: str, told: Mapping[str, Any]) -> bytes:
    """Return the XML. `told` is what an event tells: `alarm` (contract 5), `device` and `site` or None, `area_name`."""
    alarm = told["alarm"]
    root = Element("alert", xmlns=NAMESPACE)
    _put(root, "identifier", identifier(county, alarm["id"], message.version, in_earnest=message.in_earnest))
    _put(root, "sender", sender(county))
    _put(root, "sent", _local(message.sent))
    _put(root, "status", status(alarm))
    _put(root, "msgType", message.kind)
    _put(root, "scope", "Restricted")
    _put(root, "restriction", RESTRICTION)
    if message.references:
        _put(root, "references", " ".join(_reference(county, alarm["id"], *one) for one in message.references))
    _put(root, "incidents", message.incident or "")
    root.append(_info(message, told))
    return _bytes(root)


def render_test(county: str, number: int, at: datetime, text: str) -> bytes:
    """Return a message that says nothing but that it is a test of the way."""
    root = Element("alert", xmlns=NAMESPACE)
    for name, value in (
        ("identifier", f"{county}.test.{number}"),
        ("sender", sender(county)),
        ("sent", _local(at)),
        ("status", "Test"),
        ("msgType", "Alert"),
        ("scope", "Restricted"),
        ("restriction", RESTRICTION),
        ("note", text),
    ):
        _put(root, name, value)
    return _bytes(root)


def _bytes(root: Element) -> bytes:
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def status(alarm: Mapping[str, Any]) -> str:
    """Return Exercise for a drill, Test for what came in a test window, else Actual.

    A fire that turns out to be a test was told as an actual one, and so is its end: whoever takes the status at its
    word disregards a Test (CAP 1.2, 3.2.1), and the warning would stand for ever.
    """
    if alarm["drill"]:
        return "Exercise"
    return "Test" if alarm["test_window"] else "Actual"


def _info(message: Message, told: Mapping[str, Any]) -> Element:
    alarm, device, site = told["alarm"], told.get("device"), told.get("site")
    info = Element("info")
    _put(info, "language", "zh-CN")
    _put(info, "category", CATEGORY[alarm["category"]])
    _put(info, "event", EVENT[alarm["category"]])
    _put(info, "responseType", "AllClear" if message.kind == "Cancel" else "Monitor")
    _put(info, "urgency", "Past" if message.kind == "Cancel" else URGENCY[alarm["severity"]])
    _put(info, "severity", SEVERITY[alarm["severity"]])
    _put(info, "certainty", _certainty(alarm))
    _code(info, "eventCode", "firetower:code", alarm["code"])
    _put(info, "effective", _local(message.sent))
    _put(info, "onset", _local(datetime.fromisoformat(alarm["opened_at"])))
    _put(info, "senderName", "望火楼消防物联网监测")
    _put(info, "headline", headline(told))
    _put(info, "description", alarm["reason"])
    for name, value in (
        ("firetower:device", device and device["code"]),
        ("firetower:component", alarm["component"]),
        ("firetower:zone", alarm["zone"]),
        ("firetower:site", site and site["name"]),
        ("firetower:address", site and site["address"]),
        ("firetower:state", alarm["state"]),
        ("firetower:confidence", alarm["confidence"]),
        ("firetower:verification", alarm["verification"]),
        ("firetower:value", _plain(alarm["value"])),
        ("firetower:limit", _plain(alarm["limit"])),
    ):
        if value not in (None, ""):
            _code(info, "parameter", name, value)
    info.append(_area(told))
    return info


def headline(told: Mapping[str, Any]) -> str:
    """Return what and where in at most 160 characters (CAP 3.2.2: for small screens)."""
    return f"{EVENT[told['alarm']['category']]}：{_place_name(told)}"[:160]


def xml_text(text: str) -> str:
    """Return `text` without what XML cannot hold, at most `LONGEST` characters."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", clean_text(text, LONGEST))


def _area(told: Mapping[str, Any]) -> Element:
    area = Element("area")
    _put(area, "areaDesc", _place_name(told))
    location = (told.get("device") or {}).get("location")
    if location is not None:  # latitude first: the reverse of GeoJSON (CAP 3.3.1)
        _put(area, "circle", f"{location['lat']:.6f},{location['lon']:.6f} {RADIUS_KM:g}")
    if told["alarm"]["area"]:
        _code(area, "geocode", "GB/T 2260", told["alarm"]["area"])
    return area


def _place_name(told: Mapping[str, Any]) -> str:
    site, device = told.get("site") or {}, told.get("device") or {}
    names = (told.get("area_name"), site.get("name"), device.get("name") or device.get("code"))
    return " ".join(dict.fromkeys(name for name in names if name)) or "全县"


def _plain(number: float | None) -> float | None:
    """Return a whole number as such: an event keeps 5 where the table of alarms holds 5.0, and both are one message."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _certainty(alarm: Mapping[str, Any]) -> str:
    if alarm["verification"] == "false":
        return "Unlikely"
    return CERTAINTY.get(alarm["confidence"] or "", "Observed")


def _reference(county: str, alarm_id: int, version: int, sent: datetime, in_earnest: bool) -> str:
    return f"{sender(county)},{identifier(county, alarm_id, version, in_earnest=in_earnest)},{_local(sent)}"


def _local(at: datetime) -> str:
    """Return a time as CAP 3.3.2 wants it: with an offset, and never Z."""
    return at.astimezone(COUNTY).isoformat(timespec="seconds")


def _put(parent: Element, name: str, value: str) -> None:
    if value:
        SubElement(parent, name).text = xml_text(value)


def _code(parent: Element, name: str, kind: str, value: object) -> None:
    pair = SubElement(parent, name)
    _put(pair, "valueName", kind)
    _put(pair, "value", str(value))
