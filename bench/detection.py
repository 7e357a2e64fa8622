"""Score the findings of `firetower evaluate` against a pack's truth: what was seen, how soon, how many false alarms.

`python -m bench.detection FINDINGS TRUTH`. Rules of the design study: a hit is a new finding of a code
that fits, during the event; a false alarm is a finding outside all events and three hours after them, and the time
inside them does not count for its rate. Intervals are bootstrap over events, 95 %.
"""

import argparse
import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson

RECOVERY: Final = timedelta(hours=3)
MONTH_S: Final = 30.4 * 86_400
# which codes count as having seen a class
FITS: Final = {
    "burst_large": {"water_burst"}, "burst_medium": {"water_burst"}, "burst_small": {"water_burst", "water_draw"},
    "fire_15": {"water_burst", "water_draw"}, "fire_45": {"water_burst"}, "theft": {"water_burst", "water_draw"},
    "slow_leak": {"water_leak"}, "closed_valve": {"hydrant_decoupled"}, "frozen": {"hydrant_decoupled"},
    "stuck": {"sensor_fault", "hydrant_decoupled"}, "drift": {"sensor_fault", "hydrant_decoupled"},
    "ageing": {"insulation_ageing"}, "step": {"insulation_ageing"}, "intermittent": {"insulation_ageing"},
    "loose_joint": {"joint_heating"},
}  # fmt: skip
WITHIN: Final = {"slow_leak": timedelta(days=14)}  # after its beginning; others: until their end
LIMITS: Final = {"ageing": "residual_current_high"}  # the legal limit that an early warning has to precede
DATA_FLAGS: Final = {"sensor_fault"}  # never dispatched: not counted as alarms
EARLY: Final = set().union(*FITS.values())


def score(findings: list[dict[str, Any]], truth: dict[str, Any]) -> dict[str, Any]:
    """Return recall, median minutes, findings per event and false alarms per device-month, by class and code."""
    begin, end = _at(truth["from"]), _at(truth["until"])
    ours = [f for f in findings if f["code"] in EARLY and begin <= _at(f["raised_at"]) < end]
    events = [(e, _at(e["from"]), _at(e["until"])) for e in truth["events"]]
    months = _watched_s(events, begin, end, truth["devices"]) / MONTH_S
    mains = [(since, until + RECOVERY) for event, since, until in events if "device" not in event]
    explained: set[int] = set()
    classes: dict[str, dict[str, Any]] = {}
    for event, since, until in events:
        during = [
            n for n, f in enumerate(ours)
            if since <= _at(f["raised_at"]) <= until + RECOVERY and event.get("device") in {None, f["device"]}
        ]  # fmt: skip
        explained.update(during)
        latest = min(until + timedelta(minutes=5), since + WITHIN.get(event["class"], until - since + RECOVERY))
        hits = [
            ours[n] for n in during
            if ours[n]["code"] in FITS[event["class"]] and _at(ours[n]["raised_at"]) <= latest
        ]  # fmt: skip
        one = classes.setdefault(
            event["class"], {"minutes": [], "metres": [], "most": 0, "told": Counter(), "ahead": []}
        )
        named = [] if during or "device" not in event else _named(event["device"], since, until, ours, mains)
        one["told"][next((f["code"] for f in [*hits, *(ours[n] for n in during), *named]), "nothing")] += 1
        one["minutes"].append((_at(hits[0]["raised_at"]) - since).total_seconds() / 60 if hits else None)
        one["most"] = max(one["most"], sum(f["code"] == "water_burst" for f in hits))
        reached = [
            _at(f["raised_at"]) for f in findings
            if f["code"] == LIMITS.get(event["class"]) and f["device"] == event["device"]
            and since <= _at(f["raised_at"]) <= until
        ]  # fmt: skip
        if reached:
            one["ahead"].append((reached[0] - _at(hits[0]["raised_at"])).total_seconds() / 3600 if hits else 0.0)
        if hits and hits[0]["location"] and "location" in event:
            one["metres"].append(_metres(hits[0]["location"], event["location"]))
    false = Counter(f["code"] for n, f in enumerate(ours) if n not in explained)
    alarms = sum(count for code, count in false.items() if code not in DATA_FLAGS)
    return {
        "classes": {name: _summary(one) for name, one in sorted(classes.items())},
        "false_per_device_month": {code: round(count / months, 4) for code, count in sorted(false.items())},
        "false_alarms_per_device_month": round(alarms / months, 4),
    }


def _named(
    device: str, since: datetime, until: datetime, found: list[dict[str, Any]], mains: list[tuple[datetime, datetime]]
) -> list[dict[str, Any]]:
    """Return events of the mains that name a device while something befalls it, and nothing the mains."""
    return [
        f for f in found
        if device in f.get("members", ()) and since <= _at(f["raised_at"]) <= until + RECOVERY
        and not any(begun <= _at(f["raised_at"]) <= over for begun, over in mains)
    ]  # fmt: skip


def _watched_s(
    events: list[tuple[dict[str, Any], datetime, datetime]], begin: datetime, end: datetime, devices: int
) -> float:
    """Return the device-seconds in which a finding is a false alarm: outside events and what follows them."""
    spans: dict[str | None, list[tuple[datetime, datetime]]] = {}
    for event, since, until in events:
        spans.setdefault(event.get("device"), []).append((max(since, begin), min(until + RECOVERY, end)))
    everywhere = spans.pop(None, [])
    quiet_s = (end - begin).total_seconds()
    others = max(0, devices - len(spans)) * (quiet_s - _covered_s(everywhere))
    return max(1.0, others + sum(quiet_s - _covered_s([*everywhere, *own]) for own in spans.values()))


def _covered_s(spans: list[tuple[datetime, datetime]]) -> float:
    covered_s, reached = 0.0, datetime.min.replace(tzinfo=UTC)
    for since, until in sorted(spans):
        covered_s += max(0.0, (until - max(since, reached)).total_seconds())
        reached = max(reached, until)
    return covered_s


def _summary(one: dict[str, Any]) -> dict[str, Any]:
    minutes = [value for value in one["minutes"] if value is not None]
    seen = [value is not None for value in one["minutes"]]
    dice = Random(1)
    drawn = sorted(sum(dice.choices(seen, k=len(seen))) / len(seen) for _ in range(1000))
    ahead_h = one["ahead"]
    early = {"reached_limit": len(ahead_h), "median_hours_before_limit": _median(ahead_h)} if ahead_h else {}
    return early | {
        "events": len(seen),
        "seen": sum(seen),
        "recall": round(sum(seen) / len(seen), 3),
        "recall_95": [round(drawn[25], 3), round(drawn[974], 3)],
        "median_minutes": _median(minutes),
        "median_metres": _median(one["metres"]),
        "most_incidents": one["most"],
        "told_as": dict(sorted(one["told"].items())),
    }


def _median(values: list[float]) -> float | None:
    return round(sorted(values)[len(values) // 2], 1) if values else None


def _metres(one: dict[str, float], other: dict[str, float]) -> float:
    east = (one["lon"] - other["lon"]) * math.cos(math.radians(other["lat"])) * 111_320
    return math.hypot(east, (one["lat"] - other["lat"]) * 111_320)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def main() -> None:
    """Print the score as JSON."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("findings", type=Path)
    read.add_argument("truth", type=Path)
    asked = read.parse_args()
    found = orjson.loads(asked.findings.read_bytes())["findings"]
    told = score(found, orjson.loads(asked.truth.read_bytes()))
    print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
