"""What was learned survives as bytes: the detectors go on exactly as if nothing had been."""

import hashlib
from pathlib import Path

import numpy as np
import orjson
import pytest

from services.alerts.detectors import memory
from services.alerts.detectors.finding import Place
from services.alerts.detectors.fleet import Device, Fleet
from services.alerts.early.cells import FORMS
from services.alerts.pack_tables import Aside
from services.alerts.packs import read_devices, read_readings
from services.core.rules.catalog_early import NUMBERS
from services.core.rules.profile import DeviceProfile
from tests.unit.alerts.detectors.town import BEGIN_S, DAY, HYDRANTS, SLOT_S, pressures

PACK = Path(__file__).parent.parent / "wiring_pack"


def hydrants(count=HYDRANTS):
    return Fleet(
        Device(DeviceProfile(f"H{n:02d}", "hydrant", "140931100", SLOT_S), Place(111.1 + 0.002 * n, 39.0))
        for n in range(count)
    )


def again(fleet, fresh):
    memory.load(fresh, memory.dump(fleet))
    return fresh


def test_a_network_goes_on_before_in_and_after_an_event():
    rows = pressures(17)
    rows[15 * DAY + 30 : 15 * DAY + 42, 3:8] -= 0.03
    rows[16 * DAY :, 5] = rows[16 * DAY, 5]
    one, other = hydrants(), hydrants()
    said, said_again = [], []
    for step, row in enumerate(rows):
        if step in {3, 5 * DAY + 7, 15 * DAY + 20, 15 * DAY + 35, 15 * DAY + 60, 16 * DAY + 50}:
            other = again(other, hydrants())
        for number, value in enumerate(row):
            at_s = BEGIN_S + step * SLOT_S
            reading = {"pressure_mpa": value, "water_temp_c": 5.0 - step % DAY * 0.05}
            said += one.take(f"H{number:02d}", at_s, reading)
            said_again += other.take(f"H{number:02d}", at_s, reading)
    assert {"water_burst", "sensor_fault", "freeze_forecast"} <= {warning.code for warning in said}
    assert said_again == said


def test_circuits_go_on_in_the_middle_of_everything():
    ledger = read_devices(PACK / "devices.csv", Aside())
    one, other = Fleet(ledger.values()), Fleet(ledger.values())
    for step, row in enumerate(read_readings(PACK / "readings.csv.gz", ledger, Aside())):
        if step % 1500 == 700:
            other = again(other, Fleet(ledger.values()))
        assert other.take(row.code, row.at_s, row.fields) == one.take(row.code, row.at_s, row.fields)


def names(value):
    """What an object remembers, by name, down to what is no detector."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return names(value[0]) if value else None
    held = getattr(value, "MEMORY", None)
    return None if held is None else {name: names(getattr(value, name)) for name in held}


@pytest.mark.parametrize(
    ("kind", "form", "shape"),
    [("hydrant", 8, "96ab7f169527"), ("electrical", 3, "355ee9c1956e"), ("water", 2, "56f6aaf65959")],
)
def test_whoever_remembers_other_things_raises_the_form_of_its_kind(kind, form, shape):
    """Else a new release takes the memory of the old one for a broken one."""
    held = orjson.dumps(names(Fleet([Device(DeviceProfile("X", kind, "140931100", SLOT_S), Place(111.1, 39.0))])))
    assert (FORMS[kind], hashlib.sha256(held).hexdigest()[:12]) == (form, shape)


def test_numbers_may_have_changed_in_between():
    changed = {**NUMBERS, "water_draw": {**NUMBERS["water_draw"], "sigmas": 60.0}}
    before = hydrants(4)
    for step, row in enumerate(pressures(2)):
        for number in range(4):
            before.take(f"H{number:02d}", BEGIN_S + step * SLOT_S, {"pressure_mpa": row[number]})
    after = Fleet([Device(DeviceProfile(f"H{n:02d}", "hydrant", "140931100", SLOT_S), None) for n in range(4)], changed)
    memory.load(after, memory.dump(before))
    assert memory.dump(after) == memory.dump(before)


def test_what_is_no_memory_of_these_devices_is_refused():
    learned = memory.dump(hydrants())
    for damaged in (b"", learned[:100], learned[:-8], b"\xff" * 64, memory.dump(hydrants(5))):
        with pytest.raises(ValueError, match=r"."):
            memory.load(hydrants(), damaged)


def test_an_array_of_objects_is_no_array_of_detectors():
    held = hydrants(3)
    learned = memory.dump(held).replace(np.dtype(float).str.encode(), b"|O8", 1)
    with pytest.raises(ValueError, match="numbers of type"):
        memory.load(hydrants(3), learned)
