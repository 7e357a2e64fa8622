"""A town's mains in EPANET, step by step: the pressure at every hydrant with and without what happens.

Used by `pack`. Needs WNTR, which only this folder knows. Promises the same pressures for the same seed.
"""

import ctypes
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from simulators.packs.demand import Demand
from simulators.packs.happenings import MainsEvent

BURST_HEAD_M: Final = 45.0  # the pressure at which a burst loses its nominal flow
NEEDED_M: Final = 15.0  # pressure-driven demand: all is delivered above
MPA_PER_M: Final = 0.00980665
STEADY: Final = "steady"
AREAS: Final = 8  # parts of a town whose demand wanders together
LEAST_MPA: Final = 0.2  # hydrants stand where the law's 0.14 MPa is met with room to spare


class Town(NamedTuple):
    """A network ready to run."""

    model: Any
    junctions: list[str]
    base_lps: np.ndarray
    areas: np.ndarray
    xy: np.ndarray  # metres, about the middle


def load_town(network: str) -> Town:
    """Load a network by WNTR's name or a path; demands become their means, so that we drive them."""
    import wntr  # noqa: PLC0415 - a tool of development, loaded by who makes packs

    model = wntr.network.WaterNetworkModel(network)
    model.add_pattern(STEADY, [1.0])
    model.options.hydraulic.pattern = STEADY
    junctions, base = [], []
    for name, node in model.junctions():
        mean = sum(
            item.base_value * (float(np.mean(item.pattern.multipliers)) if item.pattern is not None else 1.0)
            for item in node.demand_timeseries_list
        )
        node.demand_timeseries_list.clear()
        node.add_demand(mean, STEADY)
        junctions.append(name)
        base.append(mean * 1000)
    xy = np.array([model.get_node(name).coordinates for name in junctions], dtype=float)
    xy -= xy.mean(axis=0)
    rank = np.argsort(np.argsort(np.arctan2(xy[:, 1], xy[:, 0])))
    return Town(model, junctions, np.array(base), rank * AREAS // len(junctions), xy)


def run_town(  # noqa: PLR0917 - a run is what these six say
    town: Town, seed: int, events: Sequence[MainsEvent], watched: Sequence[int], days: int, step_s: int
) -> np.ndarray:
    """Return pressures in MPa, (steps, watched)."""
    from wntr.epanet.toolkit import ENepanet  # noqa: PLC0415 - see load_town
    from wntr.epanet.util import EN  # noqa: PLC0415

    steps = days * 86_400 // step_s
    model = town.model
    options = model.options
    options.time.duration, options.time.hydraulic_timestep = days * 86_400, step_s
    options.time.report_timestep = options.time.pattern_timestep = step_s
    options.hydraulic.demand_model, options.hydraulic.required_pressure = "PDD", NEEDED_M
    options.hydraulic.minimum_pressure = 0.0
    options.report.status = "NO"
    options.hydraulic.inpfile_units = "LPS"
    import wntr  # noqa: PLC0415

    demand = Demand(seed, len(town.junctions), town.areas, steps, step_s)
    out = np.zeros((steps, len(watched)))
    with tempfile.TemporaryDirectory() as folder:
        inp = str(Path(folder) / "town.inp")
        wntr.network.write_inpfile(model, inp, units="LPS")
        engine = ENepanet()
        engine.ENopen(inp, str(Path(folder) / "town.rpt"), "")
        index = [engine.ENgetnodeindex(name) for name in town.junctions]
        driven = [(i, n) for n, i in enumerate(index) if town.base_lps[n] != 0]
        engine.ENopenH()
        engine.ENinitH(0)
        now_s, at_step = 0, -1
        flowing: dict[int, float] = {}
        set_value = engine.ENlib.EN_setnodevalue  # a thousand values a step: the wrapper costs more than the hydraulics
        set_value.argtypes = [ctypes.c_uint64, ctypes.c_int, ctypes.c_int, ctypes.c_double]
        project, base_demand = engine._project.value, int(EN.BASEDEMAND)  # noqa: SLF001
        while True:
            if now_s // step_s != at_step:
                at_step = now_s // step_s
                if at_step < steps:
                    factors = (demand.factors(at_step) * town.base_lps).tolist()
                    for i, n in driven:
                        set_value(project, i, base_demand, factors[n])
            opened = _emitters(events, now_s)
            for node in flowing.keys() | opened.keys():
                if flowing.get(node) != opened.get(node):
                    engine.ENsetnodevalue(index[node], EN.EMITTER, opened.get(node, 0.0))
            flowing = opened
            engine.ENrunH()
            if now_s % step_s == 0 and at_step < steps:
                out[at_step] = [engine.ENgetnodevalue(index[n], EN.PRESSURE) for n in watched]
            after_s = engine.ENnextH()
            if after_s <= 0:
                break
            now_s += after_s
        engine.ENcloseH()
        engine.ENclose()
    return out * MPA_PER_M


def _emitters(events: Sequence[MainsEvent], at_s: int) -> dict[int, float]:
    found: dict[int, float] = {}
    for event in events:
        if event.from_s <= at_s < event.until_s:
            share = min(1.0, (at_s - event.from_s) / event.ramp_s) if event.ramp_s else 1.0
            found[event.node] = found.get(event.node, 0.0) + share * event.lps / BURST_HEAD_M**0.5
    return {node: round(lps, 3) for node, lps in found.items()}


def choose_hydrants(pressures: np.ndarray, candidates: Sequence[int], count: int, seed: int) -> np.ndarray:
    """Return nodes for hydrants: seeded, spread over the town, where pressure is as the law asks."""
    dice = np.random.default_rng([seed, 5])
    good = [n for n, low in zip(candidates, pressures.min(axis=0), strict=True) if low > LEAST_MPA]
    return np.sort(dice.choice(np.array(good), size=min(count, len(good)), replace=False))
