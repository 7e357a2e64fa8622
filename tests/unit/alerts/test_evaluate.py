"""`firetower evaluate` as the contract has it: files in, findings out, the same bytes every time."""

import gzip
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from bench.detection import score
from services.alerts import evaluate
from services.core.errors import FiretowerError

DEVICES = """code,kind,area,lon,lat,expected_interval_s,rated_current_a
H1,hydrant,140931100,111.1,39.0,300,
E1,electrical,140931100,,,60,63
P1,panel,140931100,111.1,39.0,60,
"""
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)


def at(minutes):
    return (BEGIN + timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def run(tmp_path):
    (tmp_path / "devices.csv").write_text(DEVICES)

    def run(readings, events=None, *, packed=False):
        name = "readings.csv.gz" if packed else "readings.csv"
        data = readings.encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
        if events is not None:
            (tmp_path / "events.csv").write_text(events)
        out = tmp_path / "out.json"
        told = None if events is None else tmp_path / "events.csv"
        evaluate.main(tmp_path / "devices.csv", tmp_path / name, out, told)
        return out.read_bytes()

    return run


LOW = "ts,code,pressure_mpa,flow_lps,current_a_a\n" + "".join(
    f"{at(5 * n)},H1,{0.12 if 3 <= n < 6 else 0.3},,\n{at(5 * n)},E1,,,{80 if n > 5 else 10}\n" for n in range(10)
)


def test_rules_raise_and_clear_as_they_do_live(run):
    told = orjson.loads(run(LOW))
    assert told["readings"] == 20
    by_code = {one["code"]: one for one in told["findings"]}
    low = by_code["hydrant_pressure_low"]
    assert (low["raised_at"], low["cleared_at"]) == ("2026-06-01T00:20:00Z", "2026-06-01T00:35:00Z")
    assert low["device"] == "H1"
    assert low["members"] == ["H1"]
    assert low["location"] == {"lon": 111.1, "lat": 39.0}
    assert (low["severity"], low["area"]) == ("major", "140931100")
    assert low["reason"] != low["reason_en"]
    over = by_code["overcurrent"]
    assert (over["cleared_at"], over["location"]) == (None, None)
    keys = "raised_at cleared_at device code severity area members location reason reason_en"
    assert all(list(one) == keys.split() for one in told["findings"])


def test_the_same_input_gives_the_same_bytes_packed_or_not(run):
    assert run(LOW) == run(LOW) == run(LOW, packed=True)


def test_times_may_be_milliseconds(run):
    told = orjson.loads(run(f"ts,code,pressure_mpa\n{int(BEGIN.timestamp() * 1000)},H1,0.01\n"))
    assert [one["code"] for one in told["findings"]] == ["hydrant_pressure_low"]


def test_a_field_that_cannot_be_is_left_out_and_said(run, capsys):
    rows = f"{at(0)},H1,99,x\n{at(1)},X9,0.3,\n{at(5)},H1,0.01,\n"
    told = orjson.loads(run("ts,code,pressure_mpa,tilt_deg\n" + rows))
    assert [one["code"] for one in told["findings"]] == ["hydrant_pressure_low"]
    said = capsys.readouterr().err
    assert "hydrant.pressure_mpa: 1 left out" in said
    assert "unknown device.X9" in said


def test_events_raise_and_a_reset_ends(run):
    rows = f"{at(1)},P1,fire,true,3-12\n{at(2)},P1,fault,true,3-13\n{at(9)},P1,reset,true,\n"
    told = orjson.loads(run(LOW, "ts,code,type,active,component\n" + rows))
    seen = {one["code"]: one["cleared_at"] for one in told["findings"] if one["device"] == "P1"}
    assert seen == {"fire": "2026-06-01T00:09:00Z", "fault": "2026-06-01T00:09:00Z"}


@pytest.mark.parametrize(
    ("readings", "says"),
    [
        ("ts,pressure_mpa\n", "must name ts, code"),
        ("ts,code,pressure_mpa\nyesterday,H1,0.3\n", "line 2"),
    ],
)
def test_a_file_that_is_none_ends_with_the_line_and_the_cure(run, readings, says):
    with pytest.raises(FiretowerError, match=says):
        run(readings)


def test_three_hydrants_losing_pressure_are_one_event_of_the_mains(tmp_path, run):
    ledger = "code,kind,area\n" + "".join(f"H{n},hydrant,140931100\n" for n in range(4))
    rows = "".join(f"{at(n)},H{m},{0.3 if n < 2 else 0.01}\n" for n in range(4) for m in range(4))
    (tmp_path / "devices.csv").write_text(ledger)
    (tmp_path / "r.csv").write_text("ts,code,pressure_mpa\n" + rows)
    evaluate.main(tmp_path / "devices.csv", tmp_path / "r.csv", tmp_path / "o.json")
    told = orjson.loads((tmp_path / "o.json").read_bytes())["findings"]
    mains = [one for one in told if one["code"] == "mains_event"]
    assert [one["members"] for one in mains] == [["H0", "H1", "H2", "H3"]]
    assert mains[0]["device"] is None


def test_a_score_counts_hits_and_false_alarms():
    truth = {
        "from": at(0), "until": at(60 * 24 * 30), "devices": 10,
        "events": [{"class": "burst_large", "from": at(100), "until": at(200), "location": {"lon": 0, "lat": 0}}],
    }  # fmt: skip
    finding = {"code": "water_burst", "device": None, "location": {"lon": 0, "lat": 0.001}}
    told = score([{**finding, "raised_at": at(110)}, {**finding, "raised_at": at(9000)}], truth)
    assert told["classes"]["burst_large"]["seen"] == 1
    assert told["classes"]["burst_large"]["median_minutes"] == 10
    assert told["classes"]["burst_large"]["median_metres"] == pytest.approx(111.3, abs=0.1)
    assert told["false_alarms_per_device_month"] == pytest.approx(0.1, abs=0.01)
