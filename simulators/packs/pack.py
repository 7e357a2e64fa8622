"""Write a pack: devices, readings and truth, as `firetower evaluate` and `bench.detection` read them.

`python -m simulators.packs.pack NETWORK SEED FOLDER`. NETWORK is a name of WNTR's (ky4, ky10, Net3), a path to an
EPANET file, or `wiring` for circuits. Promises the same bytes for the same arguments; the truth carries the
generator's hash.
"""

import argparse
import csv
import gzip
import hashlib
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from simulators.packs import happenings, instruments, wiring

BEGIN: Final = datetime(2026, 5, 31, 16, tzinfo=UTC)  # a Monday's midnight in Beijing
DAY_S: Final = 86_400
AREA: Final = "140931100"
ORIGIN: Final = (111.08, 39.02)
M_PER_DEGREE: Final = 111_320.0
Table = Iterable[Iterable[object]]


def main() -> None:
    """Write the pack that the command line names."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("network")
    read.add_argument("seed", type=int)
    read.add_argument("folder", type=Path)
    read.add_argument("--train-days", type=int, default=28)
    read.add_argument("--test-days", type=int, default=56)
    read.add_argument("--devices", type=int, default=100)
    read.add_argument("--step-s", type=int, default=300)
    read.add_argument("--noise-mpa", type=float, default=instruments.NOISE_MPA)
    read.add_argument("--leaks", type=int, default=0, help="slow leaks instead of bursts, fires and thefts")
    read.add_argument("--cut-off", type=int, default=0, help="closed valves, and frozen hydrants, instead of two each")
    read.add_argument("--only", choices=wiring.FAULTS, default="", help="this fault to every circuit")
    asked = read.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    (write_wiring if asked.network == "wiring" else write_mains)(asked)


def write_mains(asked: argparse.Namespace) -> None:
    """Hydrants of a town whose mains have a twin."""
    from simulators.packs import twin  # noqa: PLC0415 - needs WNTR

    town = twin.load_town(asked.network)
    everywhere = range(len(town.junctions))
    a_day = twin.run_town(town, asked.seed, [], everywhere, 1, asked.step_s)
    watched = twin.choose_hydrants(a_day, everywhere, asked.devices, asked.seed)
    nodes = np.array([n for n in everywhere if a_day[:, n].min() > twin.LEAST_MPA])
    days = asked.train_days + asked.test_days
    from_s, until_s = asked.train_days * DAY_S, days * DAY_S
    if asked.leaks:
        events = happenings.plan_leaks(asked.seed, nodes, from_s, until_s, asked.leaks)
    else:
        events = happenings.plan_events(asked.seed, nodes, from_s, until_s, asked.step_s)
    faults = happenings.plan_faults(asked.seed, len(watched), from_s, until_s, asked.cut_off)
    true_mpa = twin.run_town(town, asked.seed, events, [int(n) for n in watched], days, asked.step_s)
    seen = instruments.measure(true_mpa, asked.seed, asked.step_s, faults, asked.noise_mpa)
    codes = [f"H{number:04d}" for number in range(len(watched))]
    places = [_place(town.xy[node]) for node in watched]
    _write_devices(asked.folder, "hydrant", codes, places, asked.step_s)
    _write_readings(asked.folder, codes, {"pressure_mpa": seen}, asked.step_s, 3)
    told = [
        {"class": e.klass, "lps": round(e.lps, 2), "from": _at(e.from_s), "until": _at(e.until_s),
         "location": dict(zip(("lon", "lat"), _place(town.xy[e.node]), strict=True))}
        for e in events
    ] + [
        {"class": f.klass, "device": codes[f.device], "from": _at(f.from_s), "until": _at(f.until_s)} for f in faults
    ]  # fmt: skip
    _write_truth(asked, len(codes), told)


def write_wiring(asked: argparse.Namespace) -> None:
    """Circuits whose insulation ages and whose joints loosen."""
    days = asked.train_days + asked.test_days
    span = asked.train_days * DAY_S, days * DAY_S
    faults = wiring.plan_faults(asked.seed, asked.devices, *span, asked.only)
    fields = wiring.measure(asked.seed, asked.devices, days * DAY_S // asked.step_s, asked.step_s, faults)
    codes = [f"E{number:04d}" for number in range(asked.devices)]
    _write_devices(asked.folder, "electrical", codes, [ORIGIN] * len(codes), asked.step_s)
    _write_readings(asked.folder, codes, fields, asked.step_s, 1)
    told = [
        {"class": f.klass, "device": codes[f.device], "from": _at(f.from_s), "until": _at(f.until_s)} for f in faults
    ]
    _write_truth(asked, len(codes), told)


def generator_hash() -> str:
    """Return the hash of the code that makes packs: a pack of another hash is another pack."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _write_devices(folder: Path, kind: str, codes: list[str], places: list[tuple[float, float]], step_s: int) -> None:
    rows = [(code, kind, AREA, *place, step_s, "") for code, place in zip(codes, places, strict=True)]
    header = ("code", "kind", "area", "lon", "lat", "expected_interval_s", "rated_current_a")
    (folder / "devices.csv").write_bytes(_table([header, *rows]))


def _write_readings(folder: Path, codes: list[str], fields: dict[str, np.ndarray], step_s: int, digits: int) -> None:
    def rows() -> Iterable[Iterable[object]]:
        yield ("ts", "code", *fields)
        for step in range(len(next(iter(fields.values())))):
            ts = _at(step * step_s)
            for number, code in enumerate(codes):
                values = [table[step, number] for table in fields.values()]
                if not all(np.isnan(value) for value in values):
                    yield (ts, code, *(("" if np.isnan(value) else f"{value:.{digits}f}") for value in values))

    with (folder / "readings.csv.gz").open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(_table(rows()))


def _write_truth(asked: argparse.Namespace, devices: int, events: list[dict[str, Any]]) -> None:
    truth = {
        "generator": generator_hash(),
        "network": Path(asked.network).stem,
        "seed": asked.seed,
        "devices": devices,
        "from": _at(asked.train_days * DAY_S),
        "until": _at((asked.train_days + asked.test_days) * DAY_S),
        "events": sorted(events, key=lambda event: (event["from"], event["class"])),
    }
    (asked.folder / "truth.json").write_bytes(orjson.dumps(truth, option=orjson.OPT_INDENT_2) + b"\n")


def _table(rows: Table) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _at(seconds: int) -> str:
    return (BEGIN + timedelta(seconds=int(seconds))).isoformat().replace("+00:00", "Z")


def _place(metres: np.ndarray) -> tuple[float, float]:
    lat = ORIGIN[1] + metres[1] / M_PER_DEGREE
    lon = ORIGIN[0] + metres[0] / (M_PER_DEGREE * float(np.cos(np.radians(ORIGIN[1]))))
    return round(float(lon), 6), round(float(lat), 6)


if __name__ == "__main__":
    main()
