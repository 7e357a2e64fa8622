"""Packs as strangers write them: `firetower evaluate` sets aside what cannot be, says so, and goes on."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread

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


QUOTED = "ts,code,type,active,component,description\n"


@pytest.mark.parametrize("quote", ['"5', '"', '"3-1, above', '"a ""b'])
def test_a_quote_that_is_never_closed_costs_no_row_after_it(say, capsys, quote):
    good = say("ts,code,pressure_mpa,note\n" + "".join(row.strip() + ",\n" for row in ROWS))
    rows = [row.strip() + (f",{quote}\n" if n in {3, 30} else ",\n") for n, row in enumerate(ROWS)]
    assert say("ts,code,pressure_mpa,note\n" + "".join(rows)) == good
    assert "quote that is not closed in its row: 2 left out, the first: line 5" in capsys.readouterr().err
    moments = [(BEGIN + timedelta(minutes=n)).isoformat() for n in range(2)]
    events = f"{QUOTED}{moments[0]},P1,fault,true,1-1,{quote}\n{moments[1]},P1,fire,true,2-2,\n"
    told = say(HEAD, f'code,kind,area,lon\nP9,panel,1,"5\n{DEVICES.split(chr(10), 1)[1]}', events)["findings"]
    assert [one["code"] for one in told] == ["fault", "fire"]
    assert "unknown device" not in capsys.readouterr().err


def test_a_text_of_several_lines_is_one_text(say, capsys):
    first, second = ((BEGIN + timedelta(minutes=n)).isoformat() for n in range(2))
    events = f'{QUOTED}{first},P1,fault,true,1-1,"a loop\n\nof ""three"", lines"\n{second},P1,fire,true,,\n'
    told = say(HEAD, events=events)["findings"]
    assert ["lines" in one["reason_en"] for one in told] == [True, False]
    assert "quote" not in capsys.readouterr().err
    noted = "ts,code,note,pressure_mpa\n" + "".join('{},{},"a\nb",{}\n'.format(*row.strip().split(",")) for row in ROWS)
    assert say(noted) == say(HEAD + "".join(ROWS))


def test_events_are_read_as_ingest_reads_them(say, capsys):
    rows = (
        "FIRE ,1,1-1,", "Manual-Alarm,TRUE,1-2,", " ,true,1-3,", "fault,true,1-4,", "fault,0.0,1-4,", "fault,no,1-5,",
    )  # fmt: skip
    events = "ts,code,type,active,component,component_type,active\n" + "".join(
        f"{(BEGIN + timedelta(minutes=n)).isoformat()},P1,{row}300,false\n" for n, row in enumerate(rows)
    )
    told = say(HEAD, events=events)["findings"]
    assert [(one["code"], one["cleared_at"] is None) for one in told] == [
        ("fire", True), ("fire", True), ("fault", False), ("fault", True),
    ]  # fmt: skip
    said = capsys.readouterr().err
    assert "event: type missing: 1 rows set aside, the first: line 4" in said
    assert "event active: 1 left out" in said
    assert "event component_type: 5 left out" in said
    assert "column 'active', a second time: 1 left out" in said


def test_what_is_wrong_in_one_file_is_not_laid_to_another(say):
    strange = DEVICES + "P1,pump,140931100,,,60\n"
    assert say(HEAD, strange, events=f"{QUOTED}yesterday,P1,fire,,,\n{BEGIN.isoformat()},P1,fire,,,\n")["findings"]


def test_what_comes_through_a_pipe_is_read_once(say, tmp_path):
    text = HEAD + "".join(ROWS[::-1])
    good = say(text)
    pipes = {tmp_path / "r.pipe": text, tmp_path / "d.pipe": DEVICES}
    for pipe in pipes:
        os.mkfifo(pipe)
    writers = [Thread(target=pipe.write_text, args=(written,), daemon=True) for pipe, written in pipes.items()]
    for writer in writers:
        writer.start()
    evaluate.main(tmp_path / "d.pipe", tmp_path / "r.pipe", tmp_path / "o.json")
    for writer in writers:
        writer.join(10)
    assert orjson.loads((tmp_path / "o.json").read_bytes()) == good
