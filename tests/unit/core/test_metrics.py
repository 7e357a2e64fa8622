"""What Prometheus is told before anything happened."""

from prometheus_client import REGISTRY

from services.core import metrics


def test_labelled_metrics_of_the_lanes_start_at_zero():
    for name in ("firetower_ingest_rows_stored_total", "firetower_mqtt_sessions_lost_total"):
        assert {lane: REGISTRY.get_sample_value(name, {"lane": lane}) for lane in metrics.LANES} == {
            "event": 0.0,
            "telemetry": 0.0,
        }
