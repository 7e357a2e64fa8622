"""A hydrant: the pressure of its mains, rare use, cold water, an ageing battery.

The first hydrants stand on the mains of a hydraulic twin (`mains.county`); what is left of a larger fleet has a daily
swing of its own. Called by the fleet. Promises: pure: (hydrant, state, time, dice) -> (state, fields).
"""

from typing import NamedTuple

from simulators.climate import air_temp_c, water_demand
from simulators.mains import county
from simulators.noise import Dice, drift, seed_of, wander

Fields = dict[str, float | int | bool]


class Hydrant(NamedTuple):
    """What never changes about one hydrant."""

    base_mpa: float  # at night, without demand; falls with height above the works
    swing_mpa: float  # lost at full demand
    zone: int  # hydrants of one area share its slow drift
    bury_c: float
    rsrp_dbm: float
    uses_per_day: float
    stands: int | None = None  # its place in the twin's mains


class HydrantState(NamedTuple):
    """What one reading hands to the next."""

    at_s: float
    own_mpa: float = 0.0
    use_until_s: float = 0.0
    use_lps: float = 0.0
    battery_pct: float = 100.0


def make_hydrant(area: str, dice: Dice, number: int) -> Hydrant:
    """Draw one hydrant. Mains stand 0.1 to 0.3 MPa above the 0.14 MPa that GB 50974-2014 7.2.8 asks for."""
    return Hydrant(
        base_mpa=dice.between(0.29, 0.44),
        swing_mpa=dice.between(0.03, 0.07),
        zone=seed_of("zone", area),
        bury_c=dice.between(7.0, 10.0),
        rsrp_dbm=dice.between(-112, -82),
        uses_per_day=0.02,  # flushing, drills, street cleaning
        stands=number - 1 if number <= county.hydrants() else None,
    )


def start_hydrant(at_s: float, dice: Dice) -> HydrantState:
    """Return the state of a hydrant that has been standing for a while."""
    return HydrantState(at_s=at_s, own_mpa=dice.normal(0.003), battery_pct=dice.between(45, 100))


def measure_hydrant(
    hydrant: Hydrant, state: HydrantState, at_s: float, dice: Dice, shift_c: float = 0.0
) -> tuple[HydrantState, Fields]:
    """Measure at `at_s`. A draw of 15 L/s costs the hydrant itself 0.013 to 0.020 MPa."""
    elapsed_s = max(at_s - state.at_s, 0.0)
    own_mpa = wander(state.own_mpa, elapsed_s, sd=0.003, memory_s=1800, dice=dice)
    use_until_s, use_lps = state.use_until_s, state.use_lps
    if at_s >= use_until_s:
        use_lps = 0.0
        if dice.chance(min(hydrant.uses_per_day * elapsed_s / 86_400, 0.5)):
            use_until_s, use_lps = at_s + dice.between(600, 2400), dice.between(3, 15)
    in_use = use_lps > 0
    flow_lps = max(0.0, use_lps + dice.normal(0.2)) if in_use else 0.0
    if hydrant.stands is None:
        mains_mpa = (
            hydrant.base_mpa
            - hydrant.swing_mpa * water_demand(at_s)
            + 0.006 * drift(hydrant.zone, at_s, 5400)
            + own_mpa
        )
    else:
        mains_mpa = county.mains().pressure_mpa(hydrant.stands, at_s)
    pressure_mpa = mains_mpa - 0.0011 * flow_lps + dice.normal(0.0015)
    air_c = air_temp_c(at_s, shift_c)
    cold = max(0.0, -15 - air_c)  # cells and radio weaken below -15 °C
    battery_pct = max(0.0, state.battery_pct - elapsed_s / 86_400 * 0.07)
    fields: Fields = {
        "pressure_mpa": max(0.0, pressure_mpa),
        "flow_lps": flow_lps,
        "water_temp_c": max(0.1, hydrant.bury_c + 0.12 * air_c + dice.normal(0.1)),
        "tilt_deg": abs(dice.normal(0.4)),
        "cap_open": in_use,
        "water_present": in_use,
        "battery_pct": max(1.0, battery_pct - 0.8 * cold),
        "rsrp_dbm": hydrant.rsrp_dbm - 0.4 * cold + dice.normal(2),
    }
    return HydrantState(at_s, own_mpa, use_until_s, use_lps, battery_pct), fields
