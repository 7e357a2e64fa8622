"""Packs as strangers write them: `firetower evaluate` sets aside what cannot be, says so, and goes on."""

import gzip
from datetime import UTC, datetime, timedelta
from random import Random

import orjson
import pytest

from services.alerts import evaluate
from services.core.errors import FiretowerError

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
HEAD = "ts,code,pressure_mpa\n"
DEVICES = (
    "code,kind,area,lon,lat,expected_interval_s\nH1,hydrant,140931100,111.1,39.0,300\nH2,hydrant,140931100,,,300\n"
)
ROWS = [
    f"{(BEGIN + timedelta(minutes=5 * n)).isoformat()},H{m},{0.12 if m == 1 and n > 20 else 0.3 + n % 3 / 1000}\n"
    for n in range(40)
    for m in (1, 2)
]


@pytest.fixture
def say(tmp_path):
    def say(readings: str | bytes, devices: str | bytes = DEVICES, events: str | None = None, name: str = "r.csv"):
        for path, text in ((tmp_path / "d.csv", devices), (tmp_path / name, readings)):
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        if events is not None:
            (tmp_path / "e.csv").write_text(events)
        told = None if events is None else tmp_path / "e.csv"
        evaluate.main(tmp_path / "d.csv", tmp_path / name, tmp_path / "o.json", told)
        return orjson.loads((tmp_path / "o.json").read_bytes())

    return say


def test_a_row_that_is_no_device_costs_itself_only(say, capsys):
    good = say(HEAD + "".join(ROWS))
    strange = DEVICES + "P1,pump,140931100,,,60\n,hydrant,1,,,\nH3,hydrant\n"
    assert say(HEAD + "".join(ROWS), strange) == good
    said = capsys.readouterr().err
    assert "device: kind unknown: 1 rows set aside, the first: line 4: kind 'pump'; one of hydrant" in said
    assert "device: code missing: 1 rows set aside" in said
    with pytest.raises(FiretowerError, match=r"no row of .* is a device: line 2: kind 'pump'"):
        say(HEAD, "code,kind,area\nP1,pump,1\n")


def test_what_is_not_used_of_a_file_is_said(say, capsys):
    good = say(HEAD + "".join(ROWS))
    ledger = DEVICES + DEVICES.splitlines(keepends=True)[1]
    more = HEAD.strip() + ",pressure_kpa,ts\n" + "".join(f"{row.strip()},300,\n" for row in ROWS)
    assert say(more, ledger) == good
    said = capsys.readouterr().err
    assert "column 'pressure_kpa', no field of any kind: 1 left out" in said
    assert "column 'ts', a second time: 1 left out" in said
    assert "device that a later row of the same code replaces: 1 left out" in said


@pytest.mark.parametrize("figure", ["x", "nan", "inf", "-181", "1e400"])
def test_a_figure_of_the_ledger_that_cannot_be_counts_as_absent(say, capsys, figure):
    told = say(HEAD + "".join(ROWS), DEVICES.replace("111.1", figure))
    assert {str(one["location"]) for one in told["findings"]} == {"None"}
    assert "device lon: 1 left out" in capsys.readouterr().err


def test_a_file_in_another_order_is_put_in_order_first(say, capsys):
    good = say(HEAD + "".join(ROWS))
    for mixed in (sorted(ROWS, key=lambda row: row.split(",")[1]), ROWS[::-1], Random(1).sample(ROWS, len(ROWS))):
        assert say(HEAD + "".join(mixed)) == good
        assert "is not in the order of ts" in capsys.readouterr().err


def test_whoever_wrote_the_file_and_however_it_is_packed(say):
    text = HEAD + "".join(ROWS)
    good = say(text)
    assert good["readings"] == len(ROWS)
    written = {
        "a mark of order": "\ufeff" + text,
        "lines of Windows": text.replace("\n", "\r\n"),
        "packed without saying so": gzip.compress(text.encode()),
        "other columns, another order, spaces": "note, code ,pressure_mpa,ts\n"
        + "".join("x, {1},{2},{0}\n".format(*row.strip().split(",")) for row in ROWS),
        "more cells than columns": HEAD + "".join(row.strip() + ",,7\n" for row in ROWS),
        "blanks for what is absent": "ts,code,pressure_mpa,flow_lps\n" + "".join(row.strip() + ", \n" for row in ROWS),
        "a space in the time": text.replace("T", " "),
        "a cell that is no text": text.encode() + b"2026-06-01T09:00:00Z,H\xff\xfe,0.3\n",
        "a cell of zeros": text + "2026-06-01T09:00:00Z,H\0,0.3\n",
    }
    for what, data in written.items():
        assert say(data) == good, what


def test_nothing_measured_is_nothing_found(say):
    assert say(HEAD) == {"readings": 0, "seconds": 1, "findings": []}
    assert say("ts,code\n" + f"{BEGIN.isoformat()},H1\n")["findings"] == []
    assert say(HEAD + ROWS[0], "code,kind,area\n")["readings"] == 0


def test_numbers_of_events_in_other_digits_are_none(say):
    events = f"ts,code,type,component_type\n{BEGIN.isoformat()},P9,fire,²\n{BEGIN.isoformat()},P8,fault,{'9' * 5000}\n"
    assert {one["code"] for one in say(HEAD, events=events)["findings"]} == {"fire", "fault"}
