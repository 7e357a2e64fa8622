"""A level sensor of a fire pool, a roof tank or a natural source.

Called by the fleet for every level sensor. Promises: pure: (basin, state, time, dice) -> (state, fields).
"""

from typing import NamedTuple

from simulators.climate import air_temp_c
from simulators.hydrant import Fields
from simulators.noise import Dice, drift, seed_of

FORMS = ("pool", "tank", "natural")
_DEPTH_M = {"pool": (3.0, 5.0), "tank": (1.8, 2.6), "natural": (2.0, 6.0)}


class Basin(NamedTuple):
    """What never changes about one basin."""

    form: str
    depth_m: float
    key: int
    loss_pct_per_day: float  # evaporation, seepage, the fire pump's weekly run
    refill_at_pct: float  # where the float valve opens
    full_pct: float
    rsrp_dbm: float


class BasinState(NamedTuple):
    """What one reading hands to the next."""

    at_s: float
    level_pct: float
    filling: bool = False
    battery_pct: float = 100.0


def make_basin(index: int, dice: Dice) -> Basin:
    """Draw one basin; forms take turns."""
    form = FORMS[index % len(FORMS)]
    return Basin(
        form=form,
        depth_m=dice.between(*_DEPTH_M[form]),
        key=seed_of("basin", index, dice.bits()),
        loss_pct_per_day=dice.between(0.5, 2.5),
        refill_at_pct=dice.between(82, 88),
        full_pct=dice.between(94, 98),
        rsrp_dbm=dice.between(-110, -85),
    )


def start_basin(basin: Basin, at_s: float, dice: Dice) -> BasinState:
    """Return the state of a basin somewhere between refills."""
    return BasinState(
        at_s=at_s,
        level_pct=dice.between(basin.refill_at_pct, basin.full_pct),
        battery_pct=dice.between(50, 100),
    )


def measure_basin(
    basin: Basin, state: BasinState, at_s: float, dice: Dice, shift_c: float = 0.0
) -> tuple[BasinState, Fields]:
    """Measure at `at_s`. A pool has to be full again within 48 h (GB 50974-2014 4.3.3); ours takes about twelve."""
    elapsed_s = max(at_s - state.at_s, 0.0)
    filling = state.filling
    if state.level_pct <= basin.refill_at_pct:
        filling = True
    elif state.level_pct >= basin.full_pct:
        filling = False
    per_day = 24.0 if filling else -basin.loss_pct_per_day
    level_pct = min(basin.full_pct, max(0.0, state.level_pct + per_day * elapsed_s / 86_400))
    shown_pct = level_pct
    if basin.form == "natural":  # a river or pond breathes with the weather instead of being refilled
        shown_pct = 75 + 12 * drift(basin.key, at_s, 3 * 86_400)
    shown_pct = max(0.0, shown_pct + dice.normal(0.15))
    air_c = air_temp_c(at_s, shift_c)
    battery_pct = max(0.0, state.battery_pct - elapsed_s / 86_400 * 0.06)
    fields: Fields = {
        "level_m": basin.depth_m * shown_pct / 100,
        "level_pct": shown_pct,
        "water_temp_c": max(0.2, 6.0 + 0.35 * air_c + dice.normal(0.1)),
        "battery_pct": max(1.0, battery_pct - 0.8 * max(0.0, -15 - air_c)),
        "rsrp_dbm": basin.rsrp_dbm + dice.normal(2),
    }
    return BasinState(at_s, level_pct, filling, battery_pct), fields
