"""What a log line looks like."""

import json
import logging
import sys

import pytest
import structlog

from services.core.log import configure_log, logger


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
