"""Make the two files that `county` replays: `python -m simulators.mains.make`. Needs WNTR (requirements-twin.lock).

The hydrants of the simulated county are put on the junctions of a network of WNTR: its plane is laid over the county,
and each takes the nearest free junction, so that neighbours on the map are neighbours in the mains. Promises the same
files for the same code; the ledger carries the hash of the code.
"""

import hashlib
import json
import sys
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from services.core.topics import Kind
from simulators.mains.county import DAY_S, LEDGER, PRESSURES
from simulators.packs import twin
from simulators.packs.happenings import MainsEvent
from simulators.places import TOWNSHIPS, place_of

NETWORK: Final = "ky4"
SEED: Final = 11
HYDRANTS: Final = 60
DAYS: Final = 14
STEP_S: Final = 600
UNIT_MPA: Final = 0.0002  # a fifth of what instruments resolve
SETTLES_DAYS: Final = 2  # before the first day that is kept
FADES_S: Final = 6 * 3600
PARTS: Final = 12  # of a day: what an event costs depends on the demand of the hour
BURST_LPS, LEAK_LPS = 45.0, 8.0
LASTS_S: Final = 2 * 3600  # longer, and tanks fill at other times, which hides what the event itself takes
NEAR: Final = 6  # junctions of the county seat among which the burst is chosen
M_PER_DEGREE: Final = 111_320.0
MOST_MPA: Final = 0.55  # our own: mains of a small town stand no higher


def main() -> None:
    """Write both files and say what the events do."""
    town = twin.load_town(NETWORK)
    everywhere = list(range(len(town.junctions)))
    a_day = twin.run_town(town, SEED, [], everywhere, 1, STEP_S)
    good = np.array([n for n in everywhere if a_day[:, n].min() > twin.LEAST_MPA and a_day[:, n].max() < MOST_MPA])
    places = _on_the_plane(town)
    watched = _stand(places[:-1], town.xy, good)
    days = SETTLES_DAYS + DAYS
    kept = _closed(twin.run_town(town, SEED, [], watched, days, STEP_S))
    seat = [n for n in range(HYDRANTS) if place_of(Kind.HYDRANT, n + 1, 0).area == TOWNSHIPS[0].code]
    near = good[np.argsort(np.hypot(*(town.xy[good] - places[-1]).T))[:NEAR]]
    losses = {int(node): _loss(town, int(node), watched, BURST_LPS) for node in near}
    burst = max(losses, key=lambda node: float(losses[node][seat].mean()))
    effects = {"burst": losses[burst], "leak": _loss(town, burst, watched, LEAK_LPS)}
    for name, loss in effects.items():
        elsewhere = np.delete(loss, seat, axis=0)
        sys.stdout.write(f"{name}: in the county seat {_said(loss[seat])}, elsewhere {_said(elsewhere)} MPa\n")
    units = np.round(kept.T / UNIT_MPA).astype("<i2")
    packed = zlib.compress(np.diff(units, axis=1, prepend=np.zeros((HYDRANTS, 1), "<i2")).astype("<i2").tobytes(), 9)
    ledger: dict[str, Any] = {
        "generator": generator_hash(),
        "network": NETWORK,
        "seed": SEED,
        "hydrants": HYDRANTS,
        "days": DAYS,
        "step_s": STEP_S,
        "unit_mpa": UNIT_MPA,
        "sha256": hashlib.sha256(packed).hexdigest(),
        "effects": {name: np.round(loss / UNIT_MPA).astype(int).tolist() for name, loss in effects.items()},
    }
    PRESSURES.write_bytes(packed)
    LEDGER.write_text(json.dumps(ledger, separators=(",", ":")) + "\n", encoding="utf-8")


def generator_hash() -> str:
    """Return the hash of the code that makes the files."""
    sources = [Path(__file__), *(Path(twin.__file__).with_name(name) for name in ("twin.py", "demand.py"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _on_the_plane(town: twin.Town) -> np.ndarray:
    """Return where the hydrants, and last the county seat, lie on the network's plane, metres."""
    spots = [place_of(Kind.HYDRANT, number + 1, 0) for number in range(HYDRANTS)]
    degrees = np.array([(spot.lon, spot.lat) for spot in spots] + [(TOWNSHIPS[0].lon, TOWNSHIPS[0].lat)])
    metres = degrees * M_PER_DEGREE * np.array([np.cos(np.radians(degrees[:, 1].mean())), 1.0])
    metres -= np.median(metres, axis=0)
    scale = float(np.abs(town.xy).mean() / np.abs(metres[:-1]).mean())
    moved: np.ndarray = metres * scale + np.median(town.xy, axis=0)
    return moved


def _stand(places: np.ndarray, xy: np.ndarray, good: np.ndarray) -> list[int]:
    free = [int(node) for node in good]
    taken: list[int] = []
    for spot in places:
        node = min(free, key=lambda candidate: float(np.hypot(*(xy[candidate] - spot))))
        free.remove(node)
        taken.append(node)
    return taken


def _closed(pressures: np.ndarray) -> np.ndarray:
    """Return the days that are kept; their end fades into what came before their beginning, so that they can repeat."""
    first, fades = SETTLES_DAYS * DAY_S // STEP_S, FADES_S // STEP_S
    kept = pressures[first:].copy()
    weight = ((np.arange(fades) + 1) / fades)[:, None]
    kept[-fades:] = (1 - weight) * kept[-fades:] + weight * pressures[first - fades : first]
    return kept


def _loss(town: twin.Town, node: int, watched: list[int], lps: float) -> np.ndarray:
    """Return what a draw at one junction takes at each part of a day, (hydrants, parts), MPa."""
    calm = twin.run_town(town, SEED, [], watched, SETTLES_DAYS, STEP_S)
    lost = np.zeros((len(watched), PARTS))
    for part in range(PARTS):
        from_s = DAY_S + part * DAY_S // PARTS
        event = MainsEvent("burst", node, lps, from_s, from_s + LASTS_S)
        upset = twin.run_town(town, SEED, [event], watched, SETTLES_DAYS, STEP_S)
        begin, end = from_s // STEP_S + 1, (from_s + LASTS_S) // STEP_S
        lost[:, part] = (calm - upset)[begin:end].mean(axis=0)
    return lost


def _said(loss: np.ndarray) -> str:
    return f"{loss.mean():.4f} ({loss.min():.4f} to {loss.max():.4f})"


if __name__ == "__main__":
    main()
