"""Readings from bytes, field by field. Pure; decode calls it for every message that is not a usual one.

Nothing of a message is lost here: what cannot be a row is a reject with a code and a sentence for a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.core.contracts import MAX_READINGS, SEQ_MODULUS
from services.core.fields import FIELD_RULES, complaint
from services.core.moment import read_ts
from services.core.text import clean_json, show_value
from services.core.topics import Kind
from services.ingest.decode_event import event_among, is_type, misplaced
from services.ingest.json_text import dump_element, parse
from services.ingest.mend import KEPT, TWICE, Element, is_json, mend, split, unwrap
from services.ingest.moment import clock_fault
from services.ingest.reading import Reading
from services.ingest.reject import Reject

ON_TELEMETRY = "event_on_telemetry"


@dataclass(slots=True)
class Found:
    """All that one message on the channel of readings holds."""

    kind: Kind
    payload: bytes
    received_us: int
    most: int = MAX_READINGS  # of readings in one list
    readings: list[Reading] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    mended: frozenset[str] = frozenset()  # what we had to tolerate


def read_readings(kind: Kind, payload: bytes, received_us: int, most: int = MAX_READINGS) -> Found:
    """Return the readings and rejects of one message."""
    found = Found(kind, payload, received_us, most)
    try:
        parsed = parse(payload)
    except ValueError as error:
        elements, complaint = mend(payload, mixed=False), f"not JSON ({str(error)[:100]}): send one object or a list"
        _read_mended(found, elements, complaint)
        if not is_json(payload):
            _keep_raw(found, elements, complaint)
        return found
    if type(parsed) is dict:
        _read_element(found, parsed, payload, None)
    elif type(parsed) is str and (unwrapped := unwrap(parsed, mixed=False)):
        _read_mended(found, unwrapped, TWICE)
        _keep_raw(found, unwrapped, TWICE)
    elif type(parsed) is not list or not parsed:
        found.rejects.append(Reject(payload, "wrong_shape", "send one reading as an object, or a list of readings"))
    elif all(type(one) is list for one in parsed):
        _read_mended(found, split(parsed, payload, (), mixed=False), "")
    elif len(parsed) > most:
        _reject_many(found, split(parsed, payload, ()))
    else:
        for index, element in enumerate(parsed):
            _read_element(found, element, payload if len(parsed) == 1 else None, index)
    return found


def _reject_many(found: Found, elements: list[Element]) -> None:
    detail = f"{len(elements)} readings in one message: send at most {found.most}"
    found.rejects.append(_whole(found.payload, elements, "too_many_elements", detail))


def _whole(payload: bytes, elements: list[Element], reason: str, detail: str, index: int | None = None) -> Reject:
    """Refuse a message or a part of one; what matters most is whether an event is lost with it."""
    lost = event_among(elements)
    return Reject(payload, reason, detail, index) if lost is None else Reject(payload, ON_TELEMETRY, lost, index)


def _read_mended(found: Found, elements: list[Element], complaint: str) -> None:
    """Take from a message that is no JSON what is beyond doubt: whole objects, and of a cut one its whole fields."""
    if len(elements) > found.most:
        _reject_many(found, elements)
        return
    if all(element.broken for element in elements):  # or there is none
        found.rejects.append(_whole(found.payload, elements, "not_json", complaint))
        return
    for element in elements:
        if element.broken:
            found.rejects.append(_whole(element.raw, [element], "not_json", complaint, element.index))
            continue
        before = len(found.readings)
        value, doubtful = element.value, element.doubtful
        if doubtful:
            value = {name: one for name, one in value.items() if name not in doubtful}
        cut = [name for name in FIELD_RULES[found.kind] if name in doubtful]
        _read_element(found, value, element.raw, element.index, cut=cut)
        found.mended |= frozenset(element.marks)
        for reading in found.readings[before:]:
            reading.extra = _flag(reading.extra, element.marks)


def _keep_raw(found: Found, elements: list[Element], complaint: str) -> None:
    """Keep a message that is no JSON as it came, beside what was read of it: what is no object stands nowhere else."""
    if found.readings:
        found.rejects.append(Reject(found.payload, "not_json", f"{complaint}; {KEPT}", stored=True))
    elif len(found.rejects) > 1:
        reason, detail = _reason_of_all(found.rejects, complaint)
        found.rejects = [_whole(found.payload, elements, reason, detail)]


def _reason_of_all(rejects: Sequence[Reject], complaint: str) -> tuple[str, str]:
    """Return why all readings of a message were refused, if it is the same for all; else that it is no JSON.

    What is no object is no reading. A reason is counted: `clock_implausible` by the rule for wrong clocks.
    """
    of_readings = [one for one in rejects if one.reason not in ("not_json", "wrong_shape")]
    if len({one.reason for one in of_readings}) != 1:
        return "not_json", complaint
    return of_readings[0].reason, f"{of_readings[0].detail}; {complaint}"


def _flag(extra: dict[str, Any] | None, marks: tuple[str, ...]) -> dict[str, Any]:
    flagged: dict[str, Any] = {} if extra is None else extra
    if "flags" in flagged:  # the device's own field of this name
        flagged["bad"] = {"flags": flagged.pop("flags")}
    flagged["flags"] = list(marks)
    return flagged


def _read_element(found: Found, element: Any, raw: bytes | None, index: int | None, *, cut: Sequence[str] = ()) -> None:
    if type(element) is not dict:
        refusal = ("wrong_shape", "a reading is an object with ts, seq and fields")
        _reject(found, element, raw, index, refusal)
        return
    ts = read_ts(element.get("ts"))
    if type(ts) is not int:
        _reject(found, element, raw, index, ts)  # type: ignore[arg-type]
        return
    seq = element.get("seq")
    if type(seq) is float and seq.is_integer():
        seq = int(seq)
    if type(seq) is not int or not 0 <= seq < SEQ_MODULUS:
        reason = "seq_missing" if seq is None else "seq_unreadable"
        detail = f"seq is {show_value(seq)}: send a whole number from 0 to 4294967295, one more per reading"
        _reject(found, element, raw, index, (reason, detail))
        return
    fault = clock_fault(ts, found.received_us)
    if fault is not None:
        _reject(found, element, raw, index, ("clock_implausible", fault))
        return
    values, extra, bad = read_fields(found.kind, element)
    if cut:
        bad.extend((name, f"{name} stands last in a message that was cut: it may lack its end") for name in cut)
    if values.count(None) < len(values):
        found.readings.append(Reading(ts, seq, values, extra))
        for name, detail in bad:
            refusal = (f"bad_field: {name}", f"{detail}; the rest of the reading is stored")
            _reject(found, element, raw, index, refusal, stored=True)
    elif bad:
        names = "; ".join(detail for _name, detail in bad)
        refusal = (f"bad_field: {bad[0][0]}", f"{names}; no other field is left, so no reading is stored")
        _reject(found, element, raw, index, refusal)
    else:
        known = ", ".join(FIELD_RULES[found.kind])
        refusal = ("no_valid_field", f"no field of a {found.kind} reading: send at least one of {known}")
        _reject(found, element, raw, index, refusal)


def _reject(
    found: Found,
    element: Any,
    raw: bytes | None,
    index: int | None,
    refusal: tuple[str, str],
    *,
    stored: bool = False,
) -> None:
    if not stored and type(element) is dict and is_type(element.get("type")):
        refusal = (ON_TELEMETRY, misplaced(element["type"]))
    kept = dump_element(element) if raw is None else raw
    found.rejects.append(Reject(kept, *refusal, element=index, stored=stored))


def read_fields(kind: Kind, element: dict[str, Any]) -> tuple[list[Any], dict[str, Any] | None, list[tuple[str, str]]]:
    """Return the values in column order, unknown fields, and (name, complaint) of each bad field."""
    rules = FIELD_RULES[kind]
    values: list[Any] = [None] * len(rules)
    extra: dict[str, Any] | None = None
    bad: list[tuple[str, str]] = []
    for name, value in element.items():
        rule = rules.get(name)
        if rule is None:
            if value is not None and name not in ("ts", "seq"):
                extra = {} if extra is None else extra
                extra[name] = value
            continue
        column, base, low, high = rule
        kind_sent = type(value)
        if kind_sent is base:
            if low <= value <= high:  # NaN is in no range
                values[column] = value
                continue
        elif value is None:
            continue
        elif kind_sent is int and base is float:
            if low <= value <= high:
                values[column] = float(value)  # 10^300 fits a float and no integer
                continue
        elif base is int and kind_sent is float and low <= value <= high and value.is_integer():
            values[column] = int(value)  # some encoders write 14.0
            continue
        bad.append((name, complaint(name, rule, value)))
    return values, extra if extra is None else clean_json(extra), bad
