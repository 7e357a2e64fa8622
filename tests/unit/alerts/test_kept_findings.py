"""A finding that is set aside reads back as it was."""

from datetime import UTC, datetime

import orjson

from services.alerts.kept_findings import finding_from_json, finding_to_json
from services.core.alarms.life.happenings import Finding
from services.core.text import clean_json
from services.core.words import Category, Reason, Severity

AT = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)


def test_a_finding_reads_back_as_it_was() -> None:
    for finding in (
        Finding("power_fault", Category.DEVICE, Severity.MAJOR, Reason("主电", "mains"), cause="mains_ok"),
        Finding(
            "hydrant_tilt", Category.WATER, Severity.MINOR, Reason("倾斜", "tilt"), False, "h-1", "140931100", "1-1",
            "3F", 41.0, 30.0, "hydrant_tilt", AT, 5, latched=True, counted=True, news_at=AT,
        ),
    ):  # fmt: skip
        assert finding_from_json(orjson.loads(orjson.dumps(clean_json(finding_to_json(finding))))) == finding
