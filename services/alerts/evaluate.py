"""`firetower evaluate`: files through the rules and the early-warning detectors, without broker or database.

Started by the command line. Promises the rules' own live code, and the same bytes for the same input. What needs the
running system raises nothing here: silence (judged by ingest's probes), verdicts of people, the grades of fires.
"""

import math
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from services.alerts.detectors.finding import EarlyWarning, Place
from services.alerts.detectors.fleet import Device, Fleet
from services.alerts.packs import BadFields, Row, read_devices, read_events, read_readings
from services.alerts.rules.events import weigh_event
from services.alerts.rules.mains import MEMBER_CODES, MainsWatch
from services.alerts.rules.model import Event
from services.alerts.rules.walk import DeviceRules
from services.core.alarms.life.happenings import Finding
from services.core.errors import FiretowerError
from services.core.words import Reason, Severity

_TICK: Final = timedelta(hours=1)
_Key = tuple[str, str, str]  # device or area, code, component


class Findings:
    """What stands and what stood: one open alarm per (device or area, code, component)."""

    def __init__(self, places: dict[str, Place | None]) -> None:
        self._places = places
        self._open: dict[_Key, dict[str, Any]] = {}
        self._all: list[dict[str, Any]] = []

    def take_rule(self, at: datetime, finding: Finding) -> bool:
        """Take a rule's verdict; True when it opened or ended an alarm."""
        subject = finding.device or f"area:{finding.area}"
        key = subject, finding.code, finding.component
        if not finding.active:
            return not finding.latched and self._end(key, at)
        return self._begin(
            key,
            at,
            finding.severity,
            finding.reason,
            device=finding.device,
            area=finding.area or "",
            members=[finding.device] if finding.device else [],
            location=_location(self._places.get(finding.device or "")),
        )

    def take_early(self, warning: EarlyWarning) -> None:
        """Take a detector's verdict."""
        key = warning.device or f"network:{warning.area}", warning.code, ""
        if not warning.active:
            self._end(key, warning.at)
            return
        self._begin(
            key,
            warning.at,
            warning.severity,
            warning.reason,
            device=warning.device,
            area=warning.area,
            members=list(warning.members),
            location=_location(warning.place),
        )

    def join(self, area: str, code: str, member: str) -> None:
        """Name another member of a standing alarm of the area."""
        standing = self._open.get((f"area:{area}", code, ""))
        if standing is not None and member not in standing["members"]:
            standing["members"].append(member)

    def reset(self, device: str, component: str, at: datetime) -> None:
        """Somebody reset the device, or one component of it."""
        for key in list(self._open):
            if key[0] == device and component in {"", key[2]}:
                self._end(key, at)

    def document(self) -> list[dict[str, Any]]:
        """Return all findings in order of time."""
        return sorted(self._all, key=lambda item: (item["raised_at"], item["code"], item["device"] or "", item["area"]))

    def _begin(self, key: _Key, at: datetime, severity: Severity, reason: Reason, **where: object) -> bool:
        standing = self._open.get(key)
        if standing is not None:
            if severity.rank > Severity(standing["severity"]).rank:
                standing["severity"] = str(severity)
            return False
        item = {
            "raised_at": at,
            "cleared_at": None,
            "device": where["device"],
            "code": key[1],
            "severity": str(severity),
            "area": where["area"],
            "members": where["members"],
            "location": where["location"],
            "reason": reason.zh,
            "reason_en": reason.en,
        }
        self._open[key] = item
        self._all.append(item)
        return True

    def _end(self, key: _Key, at: datetime) -> bool:
        standing = self._open.pop(key, None)
        if standing is None:
            return False
        standing["cleared_at"] = at
        return True


def _location(place: Place | None) -> dict[str, float] | None:
    return None if place is None else {"lon": place.lon, "lat": place.lat}


class Evaluation:
    """Rules and detectors over one pack."""

    def __init__(self, devices: dict[str, Device]) -> None:
        self._devices = devices
        self._rules = {code: DeviceRules(device.profile) for code, device in devices.items()}
        self._fleet = Fleet(devices.values())
        self._mains: dict[str, MainsWatch] = {}
        self._seq = 0
        self._ticked_at: datetime | None = None
        self.findings = Findings({code: device.place for code, device in devices.items()})
        self.readings = 0

    def take_reading(self, row: Row) -> None:
        """Judge one reading, received when it was measured."""
        self.readings += 1
        self._seq += 1
        at, fields = row.at, row.fields
        if self._ticked_at is None or at - self._ticked_at >= _TICK:
            self._tick(at)
        reading = {**fields, "ts": at, "received_at": at, "seq": self._seq}
        for finding in self._rules[row.code].walk((reading,)):
            self._take(at, finding)
        for warning in self._fleet.take(row.code, row.at_s, fields):
            self.findings.take_early(warning)

    def take_event(self, code: str, event: Event) -> None:
        """Judge one event; an unknown device's counts for nothing here, as its kind is not known."""
        device = self._devices.get(code)
        if device is None:
            return
        effect = weigh_event(event, device.profile)
        if effect.reset is not None:
            self.findings.reset(code, effect.reset.component, event.ts)
            self._rules[code].forget_all()
        if effect.finding is not None:
            self._take(event.ts, effect.finding)

    def _tick(self, at: datetime) -> None:
        self._ticked_at = at
        for rules in self._rules.values():
            for finding in rules.tick(at):
                self._take(at, finding)

    def _take(self, at: datetime, finding: Finding) -> None:
        turned = self.findings.take_rule(at, finding)
        area, device = finding.area, finding.device
        if not turned or area is None or device is None or finding.code not in MEMBER_CODES:
            return
        watch = self._mains.setdefault(area, MainsWatch(area))
        says = watch.began(device, finding.code, at) if finding.active else watch.ended(device, finding.code)
        if says.finding is not None:
            self.findings.take_rule(at, says.finding)
        if finding.active and says.member:
            for member in (*says.joined, device):
                self.findings.join(area, "mains_event", member)


def evaluate(devices: dict[str, Device], rows: Iterable[Row], events: Iterable[tuple[str, Event]]) -> Evaluation:
    """Walk readings and events in order of time."""
    run = Evaluation(devices)
    waiting = iter(events)
    due = next(waiting, None)
    for row in rows:
        while due is not None and due[1].ts <= row.at:
            run.take_event(*due)
            due = next(waiting, None)
        run.take_reading(row)
    while due is not None:
        run.take_event(*due)
        due = next(waiting, None)
    return run


def main(devices: Path, readings: Path, json: Path, events: Path | None = None) -> int:
    """Evaluate a pack and write what was found to `json`.

    `seconds` is the processor time, rounded up to a power of two, so that two runs write the same bytes.

    Raises:
        FiretowerError: a file cannot be read or written; the text names it.
    """
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    bad = BadFields()
    ledger = read_devices(devices)
    run = evaluate(ledger, read_readings(readings, ledger, bad), [] if events is None else read_events(events))
    took_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    findings = run.findings.document()
    document = {
        "readings": run.readings,
        "seconds": 2 ** max(0, math.ceil(math.log2(max(cpu_s, 1.0)))),
        "findings": findings,
    }
    try:
        json.write_bytes(orjson.dumps(document, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise FiretowerError(f"--json: {json} cannot be written: {error}") from error
    for name, count in sorted(bad.count.items())[:20]:
        sys.stderr.write(f"firetower: {name}: {count} left out\n")
    rate = run.readings / max(took_s, 1e-9)
    sys.stdout.write(f"{run.readings} readings, {len(findings)} findings, {rate:.0f} readings/s\n")
    return 0
