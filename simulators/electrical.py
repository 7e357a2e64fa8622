"""An electrical fire monitor on one circuit: load, leakage and cable temperature over its users' day.

Called by the fleet for every electrical monitor. Promises: pure: (circuit, state, time, dice) -> (state, fields).
A healthy circuit stays below the set points of GB 50116-2013 9.2.3: natural leakage is commonly 100 to 200 mA.
"""

import math
from typing import NamedTuple

from simulators.climate import Shape, air_temp_c, power_load
from simulators.hydrant import Fields
from simulators.noise import Dice, wander

_RATED_A = (40.0, 63.0, 100.0, 160.0)
_LAG_S = 1800.0  # a cable takes about half an hour to warm up
_PHASES = ("a", "b", "c")


class Circuit(NamedTuple):
    """What never changes about one circuit."""

    shape: Shape
    rated_current_a: float
    balance: tuple[float, float, float]  # share of the load per phase
    leakage_ma: float
    leakage_per_load_ma: float
    heating_k: float  # warming at full load
    room_c: float


class CircuitState(NamedTuple):
    """What one reading hands to the next."""

    at_s: float
    own: float = 0.0
    warm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    energy_kwh: float = 0.0


def make_circuit(dice: Dice) -> Circuit:
    """Draw one circuit."""
    shapes = tuple(Shape)
    shares = [dice.between(0.85, 1.15) for _ in _PHASES]
    return Circuit(
        shape=shapes[dice.below(len(shapes))],
        rated_current_a=_RATED_A[dice.below(len(_RATED_A))],
        balance=(shares[0], shares[1], shares[2]),
        leakage_ma=dice.between(20, 160),
        leakage_per_load_ma=dice.between(10, 70),
        heating_k=dice.between(12, 28),
        room_c=dice.between(16, 22),
    )


def start_circuit(at_s: float, dice: Dice) -> CircuitState:
    """Return the state of a circuit that has been in use for a while."""
    warm = dice.between(2, 6)
    return CircuitState(at_s=at_s, warm=(warm, warm, warm), energy_kwh=round(dice.between(100, 90_000), 1))


def measure_circuit(
    circuit: Circuit, state: CircuitState, at_s: float, dice: Dice, shift_c: float = 0.0
) -> tuple[CircuitState, Fields]:
    """Measure at `at_s`. Leakage spikes at switch-on come about once in three days and last one reading."""
    elapsed_s = max(at_s - state.at_s, 0.0)
    own = wander(state.own, elapsed_s, sd=0.06, memory_s=1200, dice=dice)
    load = min(1.1, max(0.02, power_load(circuit.shape, at_s) + own))
    share = 1 - math.exp(-elapsed_s / _LAG_S)
    room_c = circuit.room_c + 0.15 * air_temp_c(at_s, shift_c)
    fields: Fields = {}
    warm: list[float] = []
    power_factor = 0.88 + 0.08 * load
    power_kw = 0.0
    for index, phase in enumerate(_PHASES):
        phase_load = load * circuit.balance[index]
        current_a = 0.8 * phase_load * circuit.rated_current_a
        voltage_v = 229 - 6 * load + dice.normal(1.2)
        warm.append(state.warm[index] + share * (circuit.heating_k * phase_load**2 - state.warm[index]))
        power_kw += current_a * voltage_v * power_factor / 1000
        fields[f"current_{phase}_a"] = max(0.0, current_a + dice.normal(0.1))
        fields[f"voltage_{phase}_v"] = voltage_v
        fields[f"temp_{phase}_c"] = room_c + warm[index] + dice.normal(0.4)
    spike_ma = dice.between(50, 400) if dice.chance(min(elapsed_s / (3 * 86_400), 0.01)) else 0.0
    energy_kwh = state.energy_kwh + power_kw * elapsed_s / 3600
    fields |= {
        "temp_n_c": room_c + 0.5 * min(warm) + dice.normal(0.4),
        "residual_current_ma": max(
            0.0, circuit.leakage_ma + circuit.leakage_per_load_ma * load + dice.normal(4) + spike_ma
        ),
        "power_kw": power_kw,
        "power_factor": power_factor,
        "frequency_hz": 50 + dice.normal(0.015),
        "energy_kwh": energy_kwh,
        "arc_count": dice.below(4) if dice.chance(0.01) else 0,  # switching sparks, far below the 14 of GB 14287.4
        "relay_closed": True,
    }
    return CircuitState(at_s, own, (warm[0], warm[1], warm[2]), energy_kwh), fields
