"""A remote fire alarm panel: its own power and link, and the rare things that detectors report on an ordinary day.

Called by the fleet for panels on MQTT (panels on GB/T 26875.3 are in `panel_wire`). Promises: pure:
(panel, state, time, dice) -> (state, fields), and the same for what happened since.
"""

from typing import NamedTuple

from simulators.hydrant import Fields
from simulators.noise import Dice

Happening = dict[str, str | int | bool]

_MONTH_S = 30 * 86_400


class Panel(NamedTuple):
    """What never changes about one panel."""

    detectors: int
    float_v: float  # 24 V lead-acid, float charge
    false_per_detector_year: float
    faults_per_month: float


class PanelState(NamedTuple):
    """What one reading hands to the next."""

    at_s: float
    open_component: str = ""  # a false alarm or fault that somebody will reset
    open_type: str = ""
    open_until_s: float = 0.0


def make_panel(dice: Dice) -> Panel:
    """Draw one panel. BS 5839-1 calls one false alarm a year per 50 to 100 detectors achievable; old sites do worse."""
    return Panel(
        detectors=40 + dice.below(160),
        float_v=dice.between(27.0, 27.6),
        false_per_detector_year=dice.between(0.02, 0.065),
        faults_per_month=dice.between(0.1, 0.3),
    )


def start_panel(at_s: float) -> PanelState:
    """Return the state of a quiet panel."""
    return PanelState(at_s=at_s)


def component_name(number: int) -> str:
    """Return loop-address of a detector."""
    return f"{number // 100 + 1}-{number % 100 + 1}"


def measure_panel(panel: Panel, dice: Dice) -> Fields:
    """Measure its power and link; on float charge its past does not matter."""
    return {"mains_ok": True, "battery_ok": True, "link_ok": True, "battery_v": panel.float_v + dice.normal(0.05)}


def live_panel(panel: Panel, state: PanelState, at_s: float, dice: Dice) -> tuple[PanelState, list[Happening]]:
    """Return what detectors did since the last call: a false alarm or a fault, and its end."""
    elapsed_s = max(at_s - state.at_s, 0.0)
    if state.open_type:
        if at_s < state.open_until_s:
            return state._replace(at_s=at_s), []
        over: Happening = {"type": state.open_type, "component": state.open_component, "active": False}
        return PanelState(at_s), [over]
    rates = {
        "fire": panel.detectors * panel.false_per_detector_year / (365 * 86_400),
        "fault": panel.faults_per_month / _MONTH_S,
    }
    for kind, rate in rates.items():
        if dice.chance(min(rate * elapsed_s, 0.2)):
            component = component_name(dice.below(panel.detectors))
            state = PanelState(at_s, component, kind, at_s + dice.between(300, 3600))
            what = "感烟探测器报警" if kind == "fire" else "探测器故障"
            return state, [{"type": kind, "component": component, "description": what}]
    return state._replace(at_s=at_s), []
