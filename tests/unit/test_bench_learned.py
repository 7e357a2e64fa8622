"""What the bench teaches early warning before it measures."""

from datetime import UTC, datetime

from bench.learned import SLOT_S, learn
from services.alerts.detectors.finding import Place
from services.alerts.early.cells import Cell, Member
from services.core.rules.catalog_early import NUMBERS
from services.core.rules.profile import DeviceProfile

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HYDRANTS = 6


def test_a_cell_that_goes_on_with_what_it_was_taught_tells_a_draw_within_an_hour_and_nothing_before() -> None:
    profiles = [DeviceProfile(f"H{n}", "hydrant", "140931100", SLOT_S) for n in range(HYDRANTS)]
    members = [Member(n, one, Place(111.1 + n / 500, 39.0), NOON) for n, one in enumerate(profiles)]
    pressures_mpa = {one.code: 0.3 + n / 100 for n, one in enumerate(profiles)}
    newest = {code: {"code": code, "pressure_mpa": mpa} for code, mpa in pressures_mpa.items()}
    name, _, until, told, memory = learn("hydrant:H0", members, newest, NOON)
    cell = Cell(name, members, NUMBERS, until, until)
    cell.recall(told, memory)
    said = []
    for slot in range(40):
        for code, usual_mpa in pressures_mpa.items():
            fallen = 0.05 if code == "H3" and slot >= 28 else 0.0
            pressure_mpa = usual_mpa - fallen + 0.0005 * (slot % 3)
            at_s = NOON.timestamp() + slot * SLOT_S
            said += [(w.code, w.device, slot) for w in cell.fleet.take(code, at_s, {"pressure_mpa": pressure_mpa})]
    assert [(code, device) for code, device, _ in said] == [("water_draw", "H3")]
    assert said[0][2] > 28
