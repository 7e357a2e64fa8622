"""The pure parts of the bench of peers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bench.peers.counting import Kept
from bench.peers.nodered import flow_with_functions
from bench.peers.plain import COLUMNS, row_of
from bench.peers.verdict import missed, ratio

TOPIC = "fire/v1/140931100/hydrant/H1/up/telemetry"


def _one(name: str, stored_per_s: int, *, lost: int = 0, doubled: int = 0) -> dict[str, Any]:
    clean = {"lost": 0, "doubled": 0}
    return {
        "name": name,
        "flat_out": clean | {"stored_per_s": stored_per_s},
        "kills": {"lost": lost, "doubled": doubled},
    }


def test_lost_is_what_no_row_holds_and_doubled_what_is_there_again() -> None:
    found = Kept(rows=105, distinct=98, last_commit_s=0.0)
    assert (found.lost(100), found.lost(90), found.doubled) == (2, 0, 7)


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (_one("Firetower ingest", 1300), []),
        (_one("Firetower ingest", 1299), ["ahead of Node-RED by 1.3 times"]),
        (_one("Firetower ingest", 1300, lost=1), ["ours: nothing lost, nothing doubled"]),
        (_one("Firetower ingest", 1300, doubled=1), ["ours: nothing lost, nothing doubled"]),
    ],
)
def test_ours_misses_its_promise_or_its_lead(ours: dict[str, Any], found: list[str]) -> None:
    assert missed({"contestants": [_one("Node-RED 4", 1000, lost=300), ours]}) == found


def test_without_node_red_there_is_no_lead_to_miss() -> None:
    alone = {"contestants": [_one("Firetower ingest", 1)]}
    assert (ratio(alone, "Node-RED"), missed(alone)) == (None, [])


def test_a_plain_row_has_null_for_what_cannot_be() -> None:
    row = row_of(TOPIC, b'{"ts":1764385200123,"seq":7,"pressure_mpa":0.3,"tilt_deg":999,"cap_open":1}')
    assert row is not None
    fields = dict(zip(COLUMNS, row, strict=True))
    assert fields["ts"] == datetime.fromtimestamp(1764385200.123, UTC)
    assert (fields["device"], fields["seq"], fields["pressure_mpa"]) == ("H1", 7, 0.3)
    assert (fields["tilt_deg"], fields["cap_open"]) == (None, None)


@pytest.mark.parametrize("payload", [b"null", b"{", b"[]", b'{"seq":1}', b'{"ts":1764385200123,"seq":"1"}'])
def test_what_is_no_reading_is_no_row(payload: bytes) -> None:
    assert row_of(TOPIC, payload) is None


def test_every_function_of_the_flow_is_read_from_its_file() -> None:
    nodes = {node["id"]: node for node in flow_with_functions()}
    assert "JSON.parse" in nodes["batch"]["func"]
    assert "unnest" in nodes["insert"]["func"]
    assert "Pool" in nodes["insert"]["initialize"]
    assert nodes["broker"]["cleansession"] is False
    assert nodes["telemetry"]["qos"] == "1"
