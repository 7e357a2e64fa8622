"""Queries by name, log lines, metrics, the clock."""

import json
import logging
import sys
from datetime import UTC

import pytest
import structlog
from prometheus_client import REGISTRY

from services.core import metrics
from services.core.clock import SystemClock
from services.core.db import load_queries
from services.core.log import configure_log, logger


def test_queries_are_found_by_their_block_name(tmp_path):
    file = tmp_path / "some.sql"
    file.write_text("-- name: first\nselect 1\n\n-- name: second\n-- why\nselect 2\n", encoding="utf-8")
    assert load_queries(file) == {"first": "select 1", "second": "-- why\nselect 2"}
    with pytest.raises(TypeError):
        load_queries(file)["first"] = ""


@pytest.fixture
def _own_logging():
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("_own_logging")
def test_a_log_line_is_json_with_its_fields(capsys):
    configure_log("ingest", "info", "json")
    logging.getLogger().handlers[0].setStream(sys.stderr)
    logger("some").info("batch_committed", batch_id=7, device="望火楼")
    logger("some").debug("not shown")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["batch_id"], line["program"], line["level"]) == ("batch_committed", 7, "ingest", "info")
    assert line["device"] == "望火楼"


def test_labelled_metrics_of_the_lanes_start_at_zero():
    for name in ("firetower_ingest_rows_stored_total", "firetower_mqtt_sessions_lost_total"):
        assert {lane: REGISTRY.get_sample_value(name, {"lane": lane}) for lane in metrics.LANES} == {
            "event": 0.0,
            "telemetry": 0.0,
        }


async def test_the_system_clock_is_aware_and_only_goes_on():
    clock = SystemClock()
    first = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() > first
