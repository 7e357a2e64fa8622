"""What one would try first against the same packs: a fixed limit, a fall, peers, principal components.

`python -m bench.baselines PACK [FINDINGS]` prints a table of them and, where its findings are given, of `firetower
evaluate`. Source: the design study (docs/detection.md), whose order and numbers these are. The limit of each is the
lowest with at most `BUDGET` false alarms per device-month *on this very pack*: an upper bound of what it can do, while
the product's numbers are fixed beforehand. Alarms of one hour are one, as ours are.
"""

import argparse
import csv
import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from bench.detection import score

_COLUMNS: Final = (
    "| all that should be seen | large | medium | 15 L/s | 45 L/s | minutes (large, 45 L/s) "
    "| false alarms per device-month |"
)
Array = NDArray[np.float64]
BUDGET: Final = 0.1  # false alarms per device-month
LEGAL_MPA: Final = 0.14  # GB 55036-2022, 3.0.3
SHOULD_SEE: Final = ("burst_large", "burst_medium", "fire_15", "fire_45")
_FALL_S: Final = 900
_PEERS: Final = 6
_COMPONENTS: Final = 5
_EWMA: Final = 0.4
_SLACK: Final = 1.5  # of the CUSUM, own deviations
_QUIET_S: Final = 3600  # an alarm speaks for so long
_LIMITS: Final = 60  # tried, between the 90th percentile of slots and the highest


class Table(NamedTuple):
    """A pack as numbers: MPa by slot and device, gaps filled with the value before, single outliers with a median."""

    begin: datetime
    step_s: int
    codes: list[str]
    mpa: Array
    train: int  # slots before the pack's events


def read_table(pack: Path, truth: dict[str, Any]) -> Table:
    """Read a pack of hydrants."""
    with (pack / "devices.csv").open() as file:
        devices = list(csv.DictReader(file))
    step_s = int(devices[0]["expected_interval_s"])
    number = {row["code"]: place for place, row in enumerate(devices)}
    until, rows = datetime.fromisoformat(truth["until"]), list(_read_cells(pack))
    begin = rows[0][0]
    slots = int((until - begin).total_seconds()) // step_s
    mpa = np.full((slots, len(devices)), np.nan)
    for at, code, cell in rows:
        mpa[int((at - begin).total_seconds()) // step_s, number[code]] = cell
    mpa[0] = np.where(np.isnan(mpa[0]), np.nanmedian(mpa, axis=0), mpa[0])
    for slot in range(1, slots):
        mpa[slot] = np.where(np.isnan(mpa[slot]), mpa[slot - 1], mpa[slot])
    middle = np.median([mpa[2:], mpa[1:-1], mpa[:-2]], axis=0)  # causal: the median of the last three
    train = int((datetime.fromisoformat(truth["from"]) - begin).total_seconds()) // step_s
    return Table(begin, step_s, list(number), np.vstack([mpa[:2], middle]), train)


def _read_cells(pack: Path) -> Iterator[tuple[datetime, str, float]]:
    text, at = "", datetime.min.replace(tzinfo=UTC)
    with gzip.open(pack / "readings.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["ts"] != text:
                text, at = row["ts"], datetime.fromisoformat(row["ts"])
            if row["pressure_mpa"]:
                yield at, row["code"], float(row["pressure_mpa"])


def fixed_limit(table: Table) -> Array:
    """How far below the legal pressure, MPa."""
    return LEGAL_MPA - table.mpa


def fall(table: Table) -> Array:
    """By how much pressure fell within 15 minutes, in own deviations of such falls."""
    back = max(1, _FALL_S // table.step_s)
    fell = np.zeros_like(table.mpa)
    fell[back:] = table.mpa[:-back] - table.mpa[back:]
    return _in_own_spread(fell, table.train)


def peers(table: Table) -> Array:
    """EWMA of what the six best-correlated peers do not explain (least squares over the time of training)."""
    learned = table.mpa[: table.train]
    alike = np.corrcoef(learned.T) - 2 * np.eye(learned.shape[1])
    left = np.empty_like(table.mpa)
    for device in range(learned.shape[1]):
        best = np.argsort(-alike[device], kind="stable")[:_PEERS]
        causes = np.column_stack([table.mpa[:, best], np.ones(len(table.mpa))])
        weights = np.linalg.lstsq(causes[: table.train], learned[:, device], rcond=None)[0]
        left[:, device] = causes @ weights - table.mpa[:, device]
    return _in_own_spread(_smooth(_in_own_spread(left, table.train)), table.train)


def components(table: Table) -> Array:
    """EWMA of what five principal components do not explain."""
    return _in_own_spread(_smooth(_unexplained(table)), table.train)


def components_cusum(table: Table) -> Array:
    """CUSUM of what five principal components do not explain."""
    total, out = np.zeros(table.mpa.shape[1]), np.empty_like(table.mpa)
    for slot, above in enumerate(_unexplained(table)):
        total = np.maximum(0.0, total + above - _SLACK)
        out[slot] = total
    return out


BASELINES: Final[dict[str, Callable[[Table], Array]]] = {
    "fixed 0.14 MPa": fixed_limit,
    "fall in 15 min": fall,
    "residual from 6 peers, EWMA": peers,
    "PCA(5) residual, EWMA": components,
    "PCA(5) residual, CUSUM 1.5": components_cusum,
}


def _unexplained(table: Table) -> Array:
    mean = table.mpa[: table.train].mean(axis=0)
    away = table.mpa - mean
    axes = np.linalg.eigh(np.cov(away[: table.train].T))[1][:, -_COMPONENTS:]
    return _in_own_spread(away @ axes @ axes.T - away, table.train)


def _in_own_spread(values: Array, train: int) -> Array:
    spread = 1.4826 * np.median(np.abs(values[:train] - np.median(values[:train], axis=0)), axis=0)
    return np.asarray(values / np.maximum(spread, 1e-4))


def _smooth(values: Array) -> Array:
    out, state = np.empty_like(values), np.zeros(values.shape[1])
    for slot, value in enumerate(values):
        state = state + _EWMA * (value - state)
        out[slot] = state
    return out


def findings(table: Table, above: Array, limit: float) -> list[dict[str, Any]]:
    """Return one alarm of the network for each hour in which a device begins to be beyond the limit.

    A device begins anew when it has not been beyond it for an hour; one that stands silences no other.
    """
    quiet = max(1, _QUIET_S // table.step_s)
    beyond = np.vstack([np.zeros((quiet + 1, above.shape[1]), dtype=np.int32), (above > limit).cumsum(axis=0)])
    lately = beyond[quiet:-1] - beyond[: -quiet - 1]  # of the hour before each slot
    begins = (above > limit) & (lately == 0)
    told, last = [], -quiet
    for slot in np.flatnonzero(begins.any(axis=1)).tolist():
        if slot - last >= quiet:
            worst = int(np.where(begins[slot], above[slot], -np.inf).argmax())
            at = table.begin + timedelta(seconds=(slot + 1) * table.step_s)
            told.append({
                "raised_at": at.astimezone(UTC).isoformat(), "code": "water_burst",
                "device": table.codes[worst], "location": None,
            })  # fmt: skip
            last = slot
    return told


def best(table: Table, above: Array, truth: dict[str, Any]) -> dict[str, Any]:
    """Return the score at the lowest limit that keeps the budget on this pack."""
    highest = above.max(axis=1)[table.train :]
    quantiles = 1 - np.geomspace(1 / len(highest), 0.1, _LIMITS)
    told = score([], truth)
    for limit in np.quantile(highest, quantiles):  # downwards: far down it stands always, and begins never
        next_told = score(findings(table, above, float(limit)), truth)
        if next_told["false_alarms_per_device_month"] > BUDGET:
            break
        told = next_told
    return told


def line(name: str, told: dict[str, Any]) -> str:
    """Return one row of the table: recall of what should be seen, by class, minutes, false alarms."""
    classes = [told["classes"].get(one, {"seen": 0, "events": 0, "median_minutes": None}) for one in SHOULD_SEE]
    seen, events = sum(one["seen"] for one in classes), sum(one["events"] for one in classes)
    by_class = " | ".join(f"{one['seen']} of {one['events']}" for one in classes)
    fast = [one["median_minutes"] for one in (classes[0], classes[3])]
    minutes = ", ".join("-" if one is None else f"{one:.0f}" for one in fast)
    false = told["false_alarms_per_device_month"]
    return f"| {name} | {seen} of {events} ({seen / max(events, 1):.0%}) | {by_class} | {minutes} | {false:.3f} |"


def main() -> None:
    """Print the table of a pack."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("pack", type=Path)
    read.add_argument("findings", type=Path, nargs="?", help="what firetower evaluate found in it")
    asked = read.parse_args()
    truth = orjson.loads((asked.pack / "truth.json").read_bytes())
    table = read_table(asked.pack, truth)
    lines = [
        f"| {truth['network']}, seed {truth['seed']} {_COLUMNS}",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(line(name, best(table, measure(table), truth)) for name, measure in BASELINES.items()),
    ]
    if asked.findings is not None:
        found = orjson.loads(asked.findings.read_bytes())["findings"]
        lines.append(line("**firetower evaluate**, numbers fixed beforehand", score(found, truth)))
    print("\n".join(lines))  # noqa: T201 - a command's output


if __name__ == "__main__":
    main()
