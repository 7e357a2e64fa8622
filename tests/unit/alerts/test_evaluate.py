"""`firetower evaluate` as the contract has it: files in, findings out, the same bytes every time."""

import gzip
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from bench.detection import score
from services.alerts import evaluate
from services.cli import app
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
    assert "unknown device X9: 1 rows set aside, the first: line 3" in said


def test_events_raise_and_a_reset_ends(run):
    rows = f"{at(1)},P1,fire,true,3-12\n{at(2)},P1,fault,true,3-13\n{at(9)},P1,reset,true,\n"
    told = orjson.loads(run(LOW, "ts,code,type,active,component\n" + rows))
    seen = {one["code"]: one["cleared_at"] for one in told["findings"] if one["device"] == "P1"}
    assert seen == {"fire": "2026-06-01T00:09:00Z", "fault": "2026-06-01T00:09:00Z"}


def test_a_fire_of_a_device_that_the_ledger_does_not_name_counts_like_any_other(run):
    told = orjson.loads(run(LOW, f"ts,code,type,component\n{at(1)},X7,fire,3-12\n{at(3)},X7,reset,\n"))
    fire = next(one for one in told["findings"] if one["code"] == "fire")
    assert (fire["device"], fire["area"], fire["location"]) == ("X7", "", None)
    assert fire["cleared_at"] == "2026-06-01T00:03:00Z"


EVENTS = "ts,code,type,active,component\n"


def test_components_are_compared_as_the_live_system_does(run):
    rows = f"{at(1)},P1,fault,true,3-012\n{at(2)},P1,fault,true,３-12\n{at(3)},P1,fault,false,3-12 \n"
    rows += (
        f"{at(4)},P1,fault,true,A1\n{at(5)},P1,fault,true,B1\n{at(6)},P1,reset,true,a01\n{at(7)},P1,reset,true,\u3000\n"
    )
    told = [one for one in orjson.loads(run(LOW, EVENTS + rows))["findings"] if one["device"] == "P1"]
    minutes = [(one["raised_at"][14:16], one["cleared_at"][14:16]) for one in told]
    assert minutes == [("01", "03"), ("04", "06"), ("05", "07")]


def test_a_condition_with_two_causes_is_over_with_the_second(run):
    rows = f"{at(1)},P1,mains_fault,true,\n{at(1)},P1,battery_fault,false,\n{at(2)},P1,battery_fault,true,\n"
    rows += f"{at(3)},P1,mains_fault,false,\n"
    told = orjson.loads(run(LOW, EVENTS + rows + f"{at(4)},P1,battery_fault,false,\n"))
    power = [one for one in told["findings"] if one["code"] == "power_fault"]
    assert [one["cleared_at"] for one in power] == ["2026-06-01T00:04:00Z"]


def test_a_reset_of_a_component_leaves_what_the_device_measures_alone(run):
    for component, raised in (("3-1", "20"), ("", "25")):  # the second of two low readings, counted from the reset
        told = orjson.loads(run(LOW, f"{EVENTS}{at(17)},H1,reset,true,{component}\n"))
        low = [one["raised_at"] for one in told["findings"] if one["code"] == "hydrant_pressure_low"]
        assert low == [f"2026-06-01T00:{raised}:00Z"], component


def test_resets_of_all_members_end_the_event_of_the_mains(tmp_path):
    ledger = "code,kind,area\n" + "".join(f"H{n},hydrant,140931100\n" for n in range(3))
    rows = "".join(f"{at(n)},H{m},{0.3 if n < 2 else 0.01}\n" for n in range(3) for m in range(3))
    (tmp_path / "devices.csv").write_text(ledger)
    (tmp_path / "r.csv").write_text("ts,code,pressure_mpa\n" + rows)
    (tmp_path / "e.csv").write_text("ts,code,type\n" + "".join(f"{at(5 + n)},H{n},reset\n" for n in range(3)))
    evaluate.main(tmp_path / "devices.csv", tmp_path / "r.csv", tmp_path / "o.json", tmp_path / "e.csv")
    told = orjson.loads((tmp_path / "o.json").read_bytes())["findings"]
    assert [one["cleared_at"] for one in told if one["code"] == "mains_event"] == ["2026-06-01T00:07:00Z"]


@pytest.mark.parametrize(
    ("ts", "says"),
    [
        ("yesterday", "ts_unreadable: 1 rows set aside, the first: line 2: ts is"),
        ("1780272000", "ts_in_seconds: 1 rows set aside, the first: line 2: ts is 1780272000, which looks like sec"),
        ("2026-06-01T00:00:00", "send RFC 3339 with offset"),
        ("", "ts_missing: 1 rows set aside"),
        ("9" * 18, "there is no such time"),
    ],
)
def test_a_row_without_a_readable_time_is_set_aside_and_said(run, capsys, ts, says):
    events = f"{EVENTS}{ts},P1,fault,true,\n{at(1)},P1,fire,true,\n"
    told = orjson.loads(run(f"ts,code,pressure_mpa\n{ts},H1,0.3\n{at(5)},H1,0.01\n", events))
    assert {one["code"] for one in told["findings"]} == {"hydrant_pressure_low", "fire"}
    assert told["readings"] == 1
    said = capsys.readouterr().err
    assert says in said
    assert "event: ts_" in said


@pytest.mark.parametrize("seq", [False, True])
def test_a_row_met_before_changes_nothing(run, capsys, seq):
    def rows(times):
        head = "ts,code,pressure_mpa" + ",seq" * seq
        body = ((at(5 * n), "H1", 0.12 if n == 3 else 0.3, *([n] * seq)) for n in range(6) for _ in range(times))
        return "\n".join([head, *(",".join(map(str, row)) for row in body), ""])

    assert run(rows(2)) == run(rows(1))
    assert "row met before: 6 rows set aside" in capsys.readouterr().err


def test_two_readings_of_one_moment_with_numbers_of_their_own_count_both(run):
    rows = "".join(f"{at(0)},H1,0.12,{seq}\n" for seq in (7, 8))
    assert orjson.loads(run("ts,code,pressure_mpa,seq\n" + rows))["readings"] == 2
    assert orjson.loads(run("ts,code,pressure_mpa,seq\n" + rows + f"{at(1)},H1,0.1,x\n"))["readings"] == 2


def test_one_clock_far_ahead_makes_no_other_late_and_an_old_row_is_set_aside(run, capsys):
    lines = LOW.splitlines(keepends=True)
    good = run(LOW)
    ahead = "2031-01-01T00:00:00Z,H1,0.01,,\n"
    assert run("".join([*lines[:5], ahead, ahead, *lines[5:]])) == good
    assert "ts far ahead of the rows after it: 2 rows set aside" in capsys.readouterr().err
    assert run("".join([*lines[:5], "2026-05-30T00:00:00Z,H1,0.01,,\n", *lines[5:]])) == good
    assert "ts older than a row before it: 1 rows set aside" in capsys.readouterr().err


@pytest.mark.parametrize(("cell", "raised"), [("14", 1), ("14.0", 1), ("14.5", 0), ("1_4", 0), ("inf", 0), ("１４", 0)])
def test_whole_numbers_are_whole(run, cell, raised):
    told = orjson.loads(run(f"ts,code,arc_count\n{at(0)},E1,{cell}\n"))["findings"]
    assert len(told) == raised
    assert all("14" in one["reason_en"] and "14.0" not in one["reason_en"] for one in told)


@pytest.mark.parametrize("cell", ["inf", "-inf", "nan", "1_0", "99"])
def test_what_no_device_can_measure_is_left_out(run, capsys, cell):
    run(f"ts,code,energy_kwh,pressure_mpa\n{at(0)},E1,{'' if cell == '99' else cell},\n{at(0)},H1,,{cell}\n")
    assert "hydrant.pressure_mpa: 1 left out" in capsys.readouterr().err


def test_a_damaged_archive_is_said_in_a_line(tmp_path, run):
    whole = gzip.compress(LOW.encode() * 50)
    for number, data in enumerate((whole[:-200], whole[:60] + b"\xff" * 60 + whole[120:], b"no archive")):
        path = tmp_path / f"{number}.csv.gz"
        path.write_bytes(data)
        with pytest.raises(FiretowerError, match="cannot be read"):
            evaluate.main(tmp_path / "devices.csv", path, tmp_path / "out.json")


def test_seconds_are_a_bound_that_two_runs_share():
    assert evaluate.round_up(0.2, 20) == evaluate.round_up(0.9, 20) == 1
    assert evaluate.round_up(31.0, 1_000_000) == evaluate.round_up(49.0, 1_000_000) == 50
    assert evaluate.round_up(51.0, 1_000_000) == evaluate.round_up(499.0, 1_000_000) == 500


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, run):
    run(LOW)
    out, devices = tmp_path / "o.json", f"--devices={tmp_path / 'devices.csv'}"
    readings = f"--readings={tmp_path / 'readings.csv'}"
    for words, code in (
        ((readings, f"--json={out}"), 0),
        ((readings, f"--json={tmp_path / 'no' / 'o.json'}"), 2),
        ((readings, f"--json={tmp_path / '.' / 'readings.csv'}"), 2),
        ((f"--readings={tmp_path / 'missing.csv'}", f"--json={tmp_path / 'none.json'}"), 2),
    ):
        ended = CliRunner().invoke(app, ["evaluate", devices, *words])
        assert ended.exit_code == code, ended.output
        lines = ended.stderr.splitlines()
        assert len(lines) == (code != 0)
        assert all(line.startswith("firetower: --") for line in lines)
    assert orjson.loads(out.read_bytes())["readings"] == 20
    assert not (tmp_path / "none.json").exists()


@pytest.mark.parametrize(
    ("readings", "says"),
    [
        ("ts,pressure_mpa\n", "must name ts, code"),
        ("ts,code,pressure_mpa\nyesterday,H1,0.3\n\n2026-06-01T00:00:00,H1,0.3\n", "no row of .* can be read: line 2"),
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


def test_hydrants_long_after_an_event_that_goes_on_are_another_event(tmp_path, run):
    """Three stay dry; an hour later three others fall and come back: two events, as in the running system."""
    ledger = "code,kind,area\n" + "".join(f"H{n},hydrant,140931100\n" for n in range(6))
    dry = [range(2, 90)] * 3 + [range(50, 70)] * 3
    rows = "".join(f"{at(n)},H{m},{0.01 if n in dry[m] else 0.3}\n" for n in range(100) for m in range(6))
    (tmp_path / "devices.csv").write_text(ledger)
    (tmp_path / "r.csv").write_text("ts,code,pressure_mpa\n" + rows)
    evaluate.main(tmp_path / "devices.csv", tmp_path / "r.csv", tmp_path / "o.json")
    told = orjson.loads((tmp_path / "o.json").read_bytes())["findings"]
    mains = [one for one in told if one["code"] == "mains_event"]
    assert [one["members"] for one in mains] == [["H0", "H1", "H2"], ["H3", "H4", "H5"]]
    assert [one["raised_at"] for one in mains] == ["2026-06-01T00:02:00Z", "2026-06-01T00:50:00Z"]
    assert [one["cleared_at"] for one in mains] == ["2026-06-01T00:50:00Z", "2026-06-01T01:11:00Z"]


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
    truth["events"].append({"class": "theft", "from": at(60 * 24 * 15), "until": at(60 * 24 * 30)})
    told = score([{**finding, "raised_at": at(9000)}], truth)
    assert told["false_alarms_per_device_month"] == pytest.approx(0.2, abs=0.02)  # half of the month is no month


def test_the_command_by_itself_finds_the_faults_of_a_small_pack_and_nothing_else(tmp_path):
    out, pack = tmp_path / "findings.json", Path(__file__).parent / "wiring_pack"
    names = (f"--devices={pack / 'devices.csv'}", f"--readings={pack / 'readings.csv.gz'}", f"--json={out}")
    subprocess.run((Path(sys.executable).with_name("firetower"), "evaluate", *names), check=True, timeout=300)
    told = orjson.loads(out.read_bytes())
    truth = orjson.loads((pack / "truth.json").read_bytes())
    scored = score(told["findings"], truth)
    assert told["readings"] == truth["devices"] * 18 * 96
    assert {name: (one["seen"], one["events"]) for name, one in scored["classes"].items()} == {
        "ageing": (1, 1), "step": (1, 1), "intermittent": (1, 1),
    }  # fmt: skip
    assert scored["false_alarms_per_device_month"] == 0
