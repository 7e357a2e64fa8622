"""What Prometheus is told before anything happened."""

from prometheus_client import REGISTRY

from services.core import metrics
from services.core.words import Category, Severity


def test_labelled_metrics_of_the_lanes_start_at_zero():
    for name in ("firetower_ingest_rows_stored_total", "firetower_mqtt_sessions_lost_total"):
        assert {lane: REGISTRY.get_sample_value(name, {"lane": lane}) for lane in metrics.LANES} == {
            "event": 0.0,
            "telemetry": 0.0,
        }


def test_a_process_that_no_longer_judges_says_nothing_on_of_what_it_measured():
    metrics.FEED_LAG.labels("event").set(7)
    metrics.ALARMS_OPEN.labels(Category.FIRE, Severity.CRITICAL).set(3)
    metrics.STEPS_OVERDUE.set(2)
    metrics.note_standby()
    open_fires = {"category": Category.FIRE, "severity": Severity.CRITICAL}
    for name, labels in (
        ("firetower_alerts_feed_lag_seconds", {"lane": "event"}), ("firetower_alerts_open", open_fires),
        ("firetower_alerts_steps_overdue", {}),
    ):  # fmt: skip
        assert REGISTRY.get_sample_value(name, labels) == 0, name
