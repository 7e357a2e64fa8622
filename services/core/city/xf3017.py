"""Notices for a 119 desk that takes the data items of XF/T 3017 (contract 9.5). Pure; table and codes are in the JSON.

Used by alerts (`write`, at every attempt: the same bytes as long as table and codes stay) and by the stand-in desk
(`read`). Unverified until a county's 119 has taken it; what the standard has no item for stands under `firetower`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from services.core.clock import COUNTY
from services.core.words import FIRE

TABLE: Final[Mapping[str, Any]] = MappingProxyType(orjson.loads(Path(__file__).with_suffix(".json").read_bytes()))
CODES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(TABLE["codes"])
RECORD_KEY: Final = "BJ_TYWYSBM"
INCIDENT_KEY: Final = "JQ_TYWYSBM"
_OWN: Final = ("notice_id", "type", "sent_at", "drill", "evidence", "nearest_water")
_OF_ALARM: Final = ("id", "code", "category", "severity", "state", "confidence", "verification", "version")
Codes = Mapping[str, Mapping[str, str]]


def write(notice: bytes, codes: Codes = CODES) -> bytes:
    """Return a notice of contract 7 as data items. `codes` are the brigade's, in the form of the table's."""
    said: dict[str, Any] = orjson.loads(notice)
    items: dict[str, Any] = {}
    for item in TABLE["items"]:
        value = _code(item, said, codes) if item["from"] == "code" else _SOURCES[item["from"]](said)
        items[item["key"]] = _fit(value, item["format"])
    alarm = said["alarm"]
    items["firetower"] = {name: said[name] for name in _OWN} | {"alarm": {name: alarm[name] for name in _OF_ALARM}}
    return orjson.dumps(items)


def read(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return type, alarm and drill mark of what `write` made; None when it is something else."""
    own = content.get("firetower")
    if RECORD_KEY not in content or not isinstance(own, dict):
        return None
    return {"type": own.get("type"), "alarm": own.get("alarm"), "drill": own.get("drill")}


def read_codes(text: bytes) -> Codes:
    """Return the brigade's codes laid over the empty ones of the table.

    Raises:
        ValueError: it is no JSON object of items and their codes; the message names the item.
    """
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    merged = {name: dict(known) for name, known in CODES.items()}
    if not isinstance(given, dict):
        raise ValueError(f"must be an object with {', '.join(merged)}")  # noqa: TRY004 - of a setting
    for name, values in given.items():
        if name not in merged or not isinstance(values, dict) or not set(values) <= set(merged[name]):
            raise ValueError(f"{name}: must be an object with {', '.join(map(repr, merged.get(name, CODES)))}")
        merged[name] |= {key: str(value) for key, value in values.items()}
    return merged


def _code(item: Mapping[str, Any], said: Mapping[str, Any], codes: Codes) -> str:
    by = item.get("by")
    return codes[item["key"]].get(said["alarm"][by] if by else "", "")


def _fit(value: Any, form: str) -> Any:
    """Return a value as its format wants it: c32, c..100 and d14 are lengths, n..10,6 has six decimals."""
    if value is None:
        return ""
    if form.startswith("n"):
        return round(float(value), int(form.rpartition(",")[2]))
    if form.startswith("d"):
        return datetime.fromisoformat(value).astimezone(COUNTY).strftime("%Y%m%d%H%M%S")
    longest = int(form.removeprefix("c").removeprefix(".."))
    return str(value)[:longest]


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _site(said: Mapping[str, Any]) -> Mapping[str, Any]:
    return said["site"] or {}


def _location(said: Mapping[str, Any]) -> Mapping[str, Any]:
    return said["device"]["location"] or {}


def _record_id(said: Mapping[str, Any]) -> str:
    """One record per fire, 32 digits in every notice of it: a new one on the row of an older one has its own.

    It is made of what never changes: the area does when the device is moved.
    """
    alarm = said["alarm"]
    anew = f":{since}" if (since := _since(said)) is not None else ""
    return uuid5(NAMESPACE_URL, f"urn:firetower:{alarm['opened_at']}:{alarm['id']}{anew}").hex


def _since(said: Mapping[str, Any]) -> str | None:
    """Return when a new fire began on the row of an older one; notices of before the upgrade do not say."""
    alarm = said["alarm"]
    found: str | None = alarm.get("since") if alarm["code"] == FIRE else None
    return found


def _call_back(said: Mapping[str, Any]) -> str:
    phones = (contact.get("phone") for contact in _site(said).get("contacts") or () if isinstance(contact, dict))
    return next((phone for phone in phones if phone), "")


def _summary(said: Mapping[str, Any]) -> str:
    mark = "【演练】" if said["drill"] else ""
    told = [said["alarm"]["reason"], *(one["text"] for one in said["evidence"])]  # the first of it is often the reason
    return mark + "；".join(dict.fromkeys(told))


_SOURCES: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = MappingProxyType(
    {
        "record_id": _record_id,
        "desk_incident_id": lambda _: "",
        "division": lambda said: said["device"]["area"],
        "call_back": _call_back,
        "opened_at": lambda said: _since(said) or said["alarm"]["opened_at"],
        "sent_at": lambda said: said["sent_at"],
        "address": lambda said: _site(said).get("address") or said["device"]["name"],
        "place": lambda said: _joined(_site(said).get("name"), said["alarm"]["zone"], said["alarm"]["component"]),
        "lon": lambda said: _location(said).get("lon"),
        "lat": lambda said: _location(said).get("lat"),
        "height": lambda _: "",  # nobody measured it
        "subject": lambda said: _site(said).get("name") or said["device"]["name"] or said["device"]["code"],
        "floor": lambda said: said["alarm"]["zone"],
        "summary": _summary,
    }
)
