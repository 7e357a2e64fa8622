"""A call to a contact, as the operator's own gateways want it: templates as data. Pure; used by clocks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

SEVERITY_ZH = {"critical": "紧急", "major": "重要", "minor": "一般", "info": "提示"}


class Call(NamedTuple):
    """What goes out for one contact: where to, with which headers, which bytes."""

    target: dict[str, Any]
    body: bytes


def say(alarm: Mapping[str, Any], *, drill: bool) -> str:
    """Return what a person hears or reads: what, where, why, and the number to ask for."""
    mark = "【演练】" if drill else ""
    place = f"{alarm['place']}：" if alarm["place"] else ""
    word = SEVERITY_ZH[alarm["severity"]]
    return f"{mark}【望火楼】{word}告警 {place}{alarm['reason']}（告警号 {alarm['alarm_id']}）"


def write_call(
    contact: Mapping[str, Any], gateways: Mapping[str, Mapping[str, Any]], alarm: Mapping[str, Any], *, drill: bool
) -> Call | None:
    """Return the call to `contact`; None when its channel has no gateway yet."""
    text = say(alarm, drill=drill)
    if contact["channel"] == "webhook":
        content: Any = {
            "type": "call",
            "to": contact["name"],
            "text": text,
            "drill": drill,
            "alarm_id": alarm["alarm_id"],
            "code": alarm["code"],
            "severity": alarm["severity"],
            "reason": alarm["reason"],
            "reason_en": alarm["reason_en"],
        }
        headers = {**contact["settings"].get("headers", {})}
        return Call({"url": contact["address"], "headers": headers}, orjson.dumps(content))
    gateway = gateways[f"{contact['channel']}_gateway"]
    if not gateway["url"]:
        return None
    words = {"address": contact["address"], "name": contact["name"], "text": text}
    return Call(
        {"url": gateway["url"], "headers": dict(gateway["headers"])}, orjson.dumps(_fill(gateway["body"], words))
    )


def _fill(template: Any, words: Mapping[str, str]) -> Any:
    """Put the words into every text of a template of objects, lists and texts."""
    if isinstance(template, str):
        for name, word in words.items():
            template = template.replace("{" + name + "}", word)
        return template
    if isinstance(template, dict):
        return {key: _fill(value, words) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, words) for value in template]
    return template
