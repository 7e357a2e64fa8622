"""A call to a contact, as the operator's own gateways want it: templates as data. Pure; used by clocks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from services.core.alarms.policies import Policies
from services.core.errors import FiretowerError
from services.core.receivers import Headers, HttpUrl, SuccessRule
from services.core.text import clean_json
from services.core.words import CALL_MARK

COUNTY_DIGITS = 6  # GB/T 2260
SEVERITY_ZH = {"critical": "紧急", "major": "重要", "minor": "一般", "info": "提示"}


class Target(BaseModel):
    """Where a call goes: fixed with its body when it is made due."""

    model_config = ConfigDict(strict=True, frozen=True)

    url: HttpUrl
    headers: Headers = {}
    success: SuccessRule | None = None
    by_county: bool = False


class Call(NamedTuple):
    """One call: its target, headers and success rule, and the bytes to send."""

    target: dict[str, Any]
    body: bytes


class CannotCall(FiretowerError):
    """A stored contact or gateway cannot be used; the text names the part but not its value."""


def say(alarm: Mapping[str, Any], *, drill: bool) -> str:
    """Return the text for a person: what, where, why, and the alarm's number."""
    mark = "【演练】" if drill else ""
    place = f"{alarm['place']}：" if alarm["place"] else ""
    word = SEVERITY_ZH[alarm["severity"]]
    return f"{mark}{CALL_MARK}{word}告警 {place}{alarm['reason']}（告警号 {alarm['alarm_id']}）"


def write_call(contact: Mapping[str, Any], policies: Policies, alarm: Mapping[str, Any], *, drill: bool) -> Call | None:
    """Return the call to `contact`; None when its channel has no gateway yet.

    Raises:
        CannotCall: the contact, or the gateway of its channel, cannot be used as it is stored.
    """
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
        target = {"url": contact["address"], **_read_settings(contact["settings"]), "by_county": _by_county(contact)}
        read_target(orjson.dumps(clean_json(target)).decode())
        return Call(target, orjson.dumps(clean_json(content)))
    name = f"{contact['channel']}_gateway"
    fault = policies.fault(name)
    if fault is not None:
        raise CannotCall(f"{name}: {fault}")
    gateway = policies.bodies[name]
    if not gateway["url"]:
        return None
    words = {"address": contact["address"], "name": contact["name"], "text": text}
    target = {name: gateway[name] for name in ("url", "headers", "success") if gateway[name] is not None}
    return Call(target | {"by_county": True}, orjson.dumps(clean_json(_fill(gateway["body"], words))))


def read_target(text: str | None) -> Target:
    """Return the target of a call as it was stored with the notice.

    Raises:
        CannotCall: the stored target cannot be used.
    """
    try:
        return Target.model_validate(orjson.loads(text or "null"))
    except orjson.JSONDecodeError as error:
        raise CannotCall(f"its target is no JSON: {error}") from None
    except ValidationError as error:
        raise CannotCall(_named(error)) from None


def _read_settings(stored: Any) -> dict[str, Any]:
    """Return headers and success rule of a contact; settings of other names are ignored."""
    try:
        settings = orjson.loads(stored) if isinstance(stored, str) else stored
    except orjson.JSONDecodeError as error:
        raise CannotCall(f"settings: no JSON: {error}") from None
    if not isinstance(settings, dict):
        raise CannotCall(f"settings: is a {type(settings).__name__}, must be an object")
    return {name: settings[name] for name in ("headers", "success") if settings.get(name) is not None}


def _by_county(contact: Mapping[str, Any]) -> bool:
    """Whether an administrator of the whole county wrote it; in older rows the length of the area shows this."""
    if contact.get("by_county") is not None:
        return bool(contact["by_county"])
    return contact.get("area") is None or len(contact["area"]) <= COUNTY_DIGITS


def _named(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part)[:60] for part in found["loc"])
    return f"{place}: {found['msg'].removeprefix('Value error, ')}"


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
