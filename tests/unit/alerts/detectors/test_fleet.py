"""Who is compared with whom."""

import re

import numpy as np
import pytest

from services.alerts.detectors.finding import Place
from services.alerts.detectors.fleet import Device, Fleet, split
from services.core.rules.profile import DeviceProfile
from tests.unit.alerts.detectors.town import BEGIN_S, HYDRANTS, SLOT_S, pressures


def hydrants(area, count):
    return [Device(DeviceProfile(f"{area}-{n:03d}", "hydrant", area, 900.0), None) for n in range(count)]


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ({"140931100001": 100, "140931200001": 150}, [250]),  # a county
        ({"140931100001": 200, "140931200001": 30, "140931200002": 30}, [200, 60]),  # small villages stay together
        ({"140931100001": 200, "140931100002": 60, "140931200001": 30, "140931200002": 9}, [200, 60, 39]),
        ({"140931100001": 251}, [126, 125]),
        ({"140931": 10, "140932": 20}, [10, 20]),
    ],
)
def test_only_what_is_too_large_is_split(counts, sizes):
    listed = [device for area, count in counts.items() for device in hydrants(area, count)]
    assert [len(group) for group in split(listed)] == sizes


def test_a_burst_names_the_hydrants_that_were_compared():
    said = []
    fleet = Fleet(
        Device(DeviceProfile(f"H{n:02d}", "hydrant", "140931100", 900.0), Place(111.1 + 0.002 * n, 39.0))
        for n in range(HYDRANTS)
    )
    rows = pressures(16)
    rows[15 * 96 + 30 :, 3:8] -= np.array([0.015, 0.025, 0.035, 0.025, 0.015])
    for step, row in enumerate(rows):
        for number, value in enumerate(row):
            said += fleet.take(f"H{number:02d}", BEGIN_S + step * SLOT_S, {"pressure_mpa": value})
    (group,) = {one.group for one in said if one.code == "water_burst"}
    assert re.fullmatch(r"net-[0-9a-f]{6}", group)  # whoever sees one area learns no code of another


def test_a_forecast_of_frost_ends_for_hydrants_too_when_no_temperature_comes_for_a_day():
    """A row of a file names only what it has, a stored one all fields; the hydrant goes on telling its pressure."""
    for silent in ({"pressure_mpa": 0.3}, {"pressure_mpa": 0.3, "water_temp_c": None}):
        fleet = Fleet([Device(DeviceProfile("H1", "hydrant", "140931100", 300.0), None)])
        said = []
        for step in range(30):
            reading = {"pressure_mpa": 0.3, "water_temp_c": 4.0 - 0.1 * step}
            said += fleet.take("H1", BEGIN_S + 600.0 * step, reading)
        for hour in range(6, 36):
            said += fleet.take("H1", BEGIN_S + 3600.0 * hour, silent)
        told = [(one.code, one.active) for one in said if one.code == "freeze_forecast"]
        assert told == [("freeze_forecast", True), ("freeze_forecast", False)], silent
