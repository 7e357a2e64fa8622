"""`firetower evaluate`: files through the rules and the early-warning detectors, without broker or database.

Started by the command line. Promises the rules' own live code, and the same bytes for the same input. What needs the
running system raises nothing here: silence (judged by ingest's probes), verdicts of people, the confidence of fires.
"""

import gc
import sys
import time
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from services.alerts.detectors.fleet import Device, Fleet
from services.alerts.findings import Findings
from services.alerts.pack_events import read_events
from services.alerts.pack_rows import OLDER, Row
from services.alerts.pack_tables import Aside
from services.alerts.packs import read_devices, read_readings
from services.alerts.rules.events import weigh_event
from services.alerts.rules.mains import MEMBER_CODES, MainsWatch
from services.alerts.rules.model import Event
from services.alerts.rules.walk import DeviceRules
from services.core.alarms.life.components import is_named
from services.core.alarms.life.happenings import Finding, Reset
from services.core.errors import FiretowerError
from services.core.rules.profile import DeviceProfile

_TICK: Final = timedelta(hours=1)
_GARBAGE: Final = 100_000
_MOST_LINES: Final = 20
_LATE_SHARE: Final = 20  # at most one row in this many may be late in a file that counts as sorted
_PROMISED_PER_S: Final = 20_000  # contract 11


class Evaluation:
    """Rules and detectors over one pack."""

    def __init__(self, devices: dict[str, Device]) -> None:
        self._devices = devices
        self._rules = {code: DeviceRules(device.profile) for code, device in devices.items()}
        self._fleet = Fleet(devices.values())
        self._mains: dict[str, MainsWatch] = {}
        self._seq = 0
        self._at: datetime | None = None  # of the newest reading
        self._ticked_at: datetime | None = None
        self.findings = Findings({code: device.place for code, device in devices.items()})
        self.readings = 0

    def take_reading(self, row: Row) -> None:
        """Judge one reading, received when it was measured."""
        self.readings += 1
        self._seq += 1
        at, fields = row.at, row.fields
        if at is not self._at:  # rows of one moment share it
            self._at = at
            if self._ticked_at is None or at - self._ticked_at >= _TICK:
                self._tick(at)
        seq = self._seq if row.seq is None else row.seq
        reading = {**fields, "ts": at, "received_at": at, "seq": seq}
        for finding in self._rules[row.code].walk((reading,)):
            self._take(at, finding)
        for warning in self._fleet.take(row.code, row.at_s, fields):
            self.findings.take_early(warning)

    def take_event(self, code: str, event: Event) -> None:
        """Judge one event; an event of a device that is not in the ledger counts like any other (contract 3)."""
        device = self._devices.get(code)
        effect = weigh_event(event, DeviceProfile(code, "panel", "") if device is None else device.profile)
        if effect.reset is not None:
            self._reset(effect.reset, event.ts)
        if effect.finding is not None:
            self._take(event.ts, effect.finding)

    def _reset(self, reset: Reset, at: datetime) -> None:
        """End what a reset ends; a reset of one component leaves the device's measured conditions alone."""
        ended = self.findings.reset(reset, at)
        device = self._devices.get(reset.device)
        if device is None:
            return
        rules = self._rules[reset.device]
        if not is_named(reset.component):
            rules.forget_all()
        for code in ended:
            rules.forget(code)
        watch = self._mains.get(device.profile.area)
        if watch is None:
            return
        for code in sorted(ended & MEMBER_CODES):
            says = watch.ended(reset.device, code)
            if says.finding is not None:
                self.findings.take_rule(at, says.finding)

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
            if says.finding.active:  # as live: the event that stands makes room for another one
                self.findings.take_rule(at, replace(says.finding, active=False))
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


def round_up(cpu_s: float, readings: int) -> int:
    """Return a bound on the seconds of processor that were measured: what is promised, times ten until it holds.

    It is so coarse that two runs write the same bytes, unless they are slower than promised and close to a bound.
    """
    bound_s = max(1, readings // _PROMISED_PER_S)
    while bound_s < cpu_s:
        bound_s *= 10
    return bound_s


def _evaluate(
    ledger: dict[str, Device], readings: Path, told: list[tuple[str, Event]], aside: Aside, *, put_in_order: bool
) -> Evaluation:
    before = gc.get_threshold()
    gc.set_threshold(_GARBAGE)  # readings make no reference cycles, and looking for some costs a tenth of the time
    try:
        return evaluate(ledger, read_readings(readings, ledger, aside, put_in_order=put_in_order), told)
    finally:
        gc.set_threshold(*before)


def main(devices: Path, readings: Path, json: Path, events: Path | None = None) -> int:
    """Evaluate a pack and write what was found to `json`; what was left out is said on stderr.

    Raises:
        FiretowerError: a file cannot be read or written; the text names it.
    """
    if json.resolve() in {one.resolve() for one in (devices, readings, events) if one is not None}:
        raise FiretowerError(f"--json: {json} is read here, and would be lost: name another file")
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    beside = Aside()  # what is left out of ledger and events, which a pipe gives once
    ledger = read_devices(devices, beside)
    told = [] if events is None else read_events(events, beside)
    once = not readings.is_file()  # a pipe: there is no second time
    aside = deepcopy(beside)
    run = _evaluate(ledger, readings, told, aside, put_in_order=once)
    if not once and aside.rows[OLDER] * _LATE_SHARE > run.readings:
        sys.stderr.write(f"firetower: {readings} is not in the order of ts: it is held as a whole and put in order\n")
        aside = deepcopy(beside)
        run = _evaluate(ledger, readings, told, aside, put_in_order=True)
    took_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    findings = run.findings.document()
    document = {
        "readings": run.readings,
        "seconds": round_up(cpu_s, run.readings),
        "findings": findings,
    }
    try:
        json.write_bytes(orjson.dumps(document, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise FiretowerError(f"--json: {json} cannot be written: {error}") from error
    lines = aside.lines()
    for line in lines[:_MOST_LINES]:
        sys.stderr.write(f"firetower: {line}\n")
    if len(lines) > _MOST_LINES:
        sys.stderr.write(f"firetower: and {len(lines) - _MOST_LINES} more sorts\n")
    rate = run.readings / max(took_s, 1e-9)
    sys.stdout.write(f"{run.readings} readings, {len(findings)} findings, {rate:.0f} readings/s\n")
    return 0
