"""Injected faults: each does what its name says and leaves a line of truth."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from services.core.topics import Kind
from simulators.faults import FaultInjector, Sending
from simulators.places import place_of
from simulators.scenario import FaultRates
from simulators.truth import Truth
from simulators.twin import Twin, encode, make_twin

NOW_S = 1_780_000_000.0


def hydrant() -> Twin:
    return make_twin(Kind.HYDRANT, 1, place=place_of(Kind.HYDRANT, 1, 1), seed=1, at_s=NOW_S)


def inject(
    path: Path, twin: Twin, readings: int = 1, **rates: float
) -> tuple[list[list[Sending]], list[dict[str, Any]]]:
    truth = Truth(path / "truth.jsonl")
    faults = FaultInjector(FaultRates(**rates), seed=7, truth=truth)
    faults.set_clock(twin, NOW_S)
    sent = [
        faults.pass_reading(twin, twin.read(at_s, at_s), at_s)
        for at_s in (NOW_S + number * twin.interval_s for number in range(readings))
    ]
    truth.close()
    return sent, [orjson.loads(line) for line in (path / "truth.jsonl").read_bytes().splitlines()]


def test_without_rates_everything_passes_untouched(tmp_path: Path) -> None:
    sent, truth = inject(tmp_path, hydrant(), readings=50)
    assert [len(one) for one in sent] == [1] * 50
    assert truth == []


def test_drop_sends_nothing_and_names_the_sequence(tmp_path: Path) -> None:
    sent, truth = inject(tmp_path, hydrant(), readings=3, drop=1.0)
    assert sent == [[], [], []]
    assert [(line["what"], line["seq"]) for line in truth] == [("drop", 1), ("drop", 2), ("drop", 3)]


def test_duplicate_sends_the_same_bytes_twice(tmp_path: Path) -> None:
    (one,), truth = inject(tmp_path, hydrant(), duplicate=1.0)
    assert one[0].payload == one[1].payload
    assert truth[0]["what"] == "duplicate"


def test_delay_and_reorder_send_later(tmp_path: Path) -> None:
    (one,), _ = inject(tmp_path, hydrant(), delay=1.0, delay_s=40.0)
    assert 8.0 <= one[0].delay_s <= 40.0
    (one,), truth = inject(tmp_path, twin := hydrant(), reorder=1.0)
    assert one[0].delay_s > twin.interval_s
    assert truth[-1]["what"] == "reorder"


def test_unit_mixup_sends_kilopascals(tmp_path: Path) -> None:
    (one,), truth = inject(tmp_path, hydrant(), unit_mixup=1.0)
    assert 150 < orjson.loads(one[0].payload)["pressure_mpa"] < 600
    assert truth[0]["what"] == "unit_mixup"


def test_malformed_bytes_are_never_a_storable_reading(tmp_path: Path) -> None:
    sent, truth = inject(tmp_path, hydrant(), readings=60, malformed=1.0)
    for one in sent:
        try:
            body = orjson.loads(one[0].payload)
        except orjson.JSONDecodeError:
            continue
        whole = isinstance(body, dict) and {"ts", "seq", "pressure_mpa"} <= body.keys()
        assert not whole or body["ts"] < 10**11 or isinstance(body["seq"], str)
    assert len({line["payload"] for line in truth}) > 5


def test_an_outage_ends_with_a_burst_of_everything_stored(tmp_path: Path) -> None:
    twin = hydrant()
    sent, truth = inject(tmp_path, twin, readings=4, outage=1.0, outage_s=2.5 * twin.interval_s)
    assert [len(one) for one in sent] == [0, 0, 0, 1]
    assert [reading["seq"] for reading in orjson.loads(sent[3][0].payload)] == [1, 2, 3, 4]
    assert [line["what"] for line in truth] == ["outage", "burst"]


def test_a_flood_numbers_its_messages_on(tmp_path: Path) -> None:
    twin = hydrant()
    (one,), truth = inject(tmp_path, twin, flood=1.0, flood_messages=20)
    assert [orjson.loads(sending.payload)["seq"] for sending in one] == list(range(1, 21))
    assert len({orjson.loads(sending.payload)["ts"] for sending in one}) == 20
    assert truth[0]["messages"] == 20
    assert twin.seq == 20


def test_a_clock_error_moves_every_stamp(tmp_path: Path) -> None:
    twin = hydrant()
    (one,), truth = inject(tmp_path, twin, clock_error=1.0)
    assert orjson.loads(one[0].payload)["ts"] == round((NOW_S + truth[0]["offset_s"]) * 1000)
    assert truth[0]["what"] == "clock_error"


@pytest.mark.parametrize("kind", [Kind.WATER, Kind.PANEL])
def test_a_fault_that_does_not_fit_the_kind_is_not_recorded(tmp_path: Path, kind: Kind) -> None:
    twin = make_twin(kind, 1, place=place_of(kind, 1, 1), seed=1, at_s=NOW_S)
    (one,), truth = inject(tmp_path, twin, unit_mixup=1.0)
    assert len(one) == 1
    assert truth == []


def test_the_same_seed_injects_the_same_faults(tmp_path: Path) -> None:
    rates = {"drop": 0.1, "duplicate": 0.1, "malformed": 0.1, "outage": 0.05, "outage_s": 100.0}
    runs = []
    for name in "ab":
        (tmp_path / name).mkdir()
        runs.append(inject(tmp_path / name, hydrant(), readings=200, **rates))
    assert runs[0] == runs[1]


def test_a_lost_first_try_of_an_event_is_recorded(tmp_path: Path) -> None:
    truth = Truth(tmp_path / "truth.jsonl")
    assert FaultInjector(FaultRates(drop=1.0), 1, truth).loses_first_try(hydrant(), "e1", NOW_S)
    assert not FaultInjector(FaultRates(), 1, truth).loses_first_try(hydrant(), "e2", NOW_S)
    assert truth.written == 1
    truth.close()


def test_encode_is_compact_json() -> None:
    assert encode({"ts": 1, "seq": 2}) == b'{"ts":1,"seq":2}'
