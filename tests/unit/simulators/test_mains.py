"""The mains of the simulated county: files that belong together, neighbours that fall together."""

from pathlib import Path

import pytest

from services.core.topics import Kind
from simulators.fleet import FleetPlan
from simulators.history import readings, remembered
from simulators.mains import county
from simulators.places import TOWNSHIPS
from simulators.scenario import find_scenario, read_scenario
from simulators.twin import Twin

NOW_S = 1_796_000_000.0
SEAT = TOWNSHIPS[0].code


def past_of(name: str, kind: Kind, number: int, hours: float = 24) -> list[dict[str, float]]:
    scenario = read_scenario(find_scenario(Path(name)))
    plan = FleetPlan({Kind.HYDRANT: 40, Kind.ELECTRICAL: 8}, scenario=scenario)
    (twin,) = [one for one in remembered(plan, NOW_S) if (one.kind, one.number) == (kind, number)]
    return list(readings(twin, plan.scenario.past_days, NOW_S))[-round(hours * 12) :]


def hourly_movement_mpa(readings_: list[dict[str, float]]) -> float:
    pressures = [one["pressure_mpa"] for one in readings_]
    moved = [abs(later - earlier) for earlier, later in zip(pressures, pressures[12:], strict=False)]
    return sum(moved) / len(moved)


def seat(twins: list[Twin]) -> list[int]:
    return [twin.number - 1 for twin in twins if twin.kind is Kind.HYDRANT and twin.place.area == SEAT]


def test_the_mains_repeat_every_two_weeks_without_a_jump() -> None:
    mains = county.mains()
    lasts_s = len(mains.pressures[0]) * mains.step_s
    assert lasts_s == county.ledger()["days"] * county.DAY_S
    for hydrant in range(county.hydrants()):
        again = mains.pressure_mpa(hydrant, NOW_S + lasts_s)
        assert mains.pressure_mpa(hydrant, NOW_S) == pytest.approx(again)
        end_s = county.MONDAY_S + lasts_s
        assert abs(mains.pressure_mpa(hydrant, end_s - 1) - mains.pressure_mpa(hydrant, end_s + 1)) < 0.001


def test_files_that_do_not_belong_together_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "county.bin").write_bytes(county.PRESSURES.read_bytes()[:-1])
    monkeypatch.setattr(county, "PRESSURES", tmp_path / "county.bin")
    with pytest.raises(ValueError, match="make both again"):
        county.mains.__wrapped__()


def test_a_burst_lowers_the_county_seat_and_no_hydrant_below_the_legal_limit() -> None:
    plan = FleetPlan({Kind.HYDRANT: county.hydrants()}, scenario=read_scenario(find_scenario(Path("burst"))))
    twins, mains = remembered(plan, NOW_S), county.mains()
    near = seat(twins)
    losses = [mains.loss_mpa("burst", hydrant, NOW_S) for hydrant in range(county.hydrants())]
    far = [loss for hydrant, loss in enumerate(losses) if hydrant not in near]
    assert sum(losses[hydrant] for hydrant in near) / len(near) > 2 * sum(far) / len(far)
    for hour in range(24):
        at_s = NOW_S + hour * 3600
        assert all(mains.pressure_mpa(n, at_s) - mains.loss_mpa("burst", n, at_s) > 0.15 for n in near)


def test_what_began_before_the_county_reports_is_in_its_past() -> None:
    cut_off, calm = (past_of(name, Kind.HYDRANT, 8, 18) for name in ("closed-valve", "burst"))
    assert hourly_movement_mpa(cut_off) < 0.6 * hourly_movement_mpa(calm)
    water = [one["water_temp_c"] for one in past_of("frost", Kind.HYDRANT, 3)]
    assert water[-1] < water[0] - 1
    leakage = [one["residual_current_ma"] for one in past_of("ageing", Kind.ELECTRICAL, 4, 48)]
    assert sum(leakage[-12:]) / 12 > sum(leakage[:12]) / 12 + 30
