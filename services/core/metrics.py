"""Every metric the system exports, declared once; labelled series start at zero, so that a missing one means something.

Labels are bounded: never a device. Times are in seconds.
"""

import errno
import time
from contextlib import suppress
from threading import Thread

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from services.core.errors import CannotListen
from services.core.log import logger
from services.core.text import describe_error
from services.core.words import Severity

log = logger(__name__)

LANES = ("event", "telemetry")
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 60, 180, 600)

# --- ingest: broker -> rows ---
MESSAGES = Counter("firetower_ingest_messages_total", "Messages taken from the broker", ["lane"])
REDELIVERIES = Counter("firetower_ingest_redeliveries_total", "Messages the broker sent again (DUP)", ["lane"])
ROWS_STORED = Counter("firetower_ingest_rows_stored_total", "Readings and events stored", ["lane"])
DUPLICATES = Counter("firetower_ingest_duplicates_total", "Rows that stood already", ["lane"])
REJECTS = Counter("firetower_ingest_rejects_total", "Elements and fields kept as rejects", ["reason"])
MENDED = Counter("firetower_ingest_mended_total", "Messages read although they were no JSON", ["mark"])
BATCH_SECONDS = Histogram(
    "firetower_ingest_batch_seconds", "Transaction of one batch", ["lane"], buckets=LATENCY_BUCKETS
)
RECEIVE_TO_COMMIT = Histogram(
    "firetower_ingest_receive_to_commit_seconds",
    "Message received to committed",
    ["lane"],
    buckets=LATENCY_BUCKETS,
)
OLDEST_UNACKED = Gauge(
    "firetower_ingest_oldest_unacked_seconds", "Age of the oldest message not yet acknowledged", ["lane"]
)
SLOTS_USED = Gauge("firetower_ingest_slots_used", "Messages held against Receive Maximum", ["lane"])
STALE_ACKS = Counter("firetower_ingest_stale_acks_total", "Acks dropped because their connection was gone", ["lane"])
QOS0_DROPPED = Counter(
    "firetower_ingest_qos0_dropped_total", "Messages sent at QoS 0 faster than they can be stored", ["lane"]
)
SPOOLED = Counter("firetower_ingest_spooled_total", "Messages of floods that went into the spool first")
SPOOL_BYTES = Gauge("firetower_ingest_spool_bytes", "Payload in the spool, acknowledged to the broker and not decoded")
CONNECTED = Gauge("firetower_mqtt_connected", "1 while the lane's session is connected", ["lane"])
RECONNECTS = Counter("firetower_mqtt_reconnects_total", "Connections made after the first", ["lane"])
SESSIONS_LOST = Counter("firetower_mqtt_sessions_lost_total", "Broker no longer knew our session", ["lane"])
BROKER_DROPPED = Gauge("firetower_broker_dropped_messages", "The broker's own counter of dropped messages")
BROKER_CONNECTIONS = Gauge("firetower_broker_connections", "Clients connected to the broker now")
BROKER_CONNECTIONS_LIMIT = Gauge("firetower_broker_connections_limit", "Devices that may be connected; 0: not known")
WATERMARK_AGE = Gauge(
    "firetower_ingest_watermark_age_seconds", "Age of the newest own probe that was committed", ["lane"]
)

for lane in LANES:
    for metric in (
        MESSAGES, REDELIVERIES, ROWS_STORED, DUPLICATES, BATCH_SECONDS, RECEIVE_TO_COMMIT, OLDEST_UNACKED, SLOTS_USED,
        STALE_ACKS, QOS0_DROPPED, CONNECTED, RECONNECTS, SESSIONS_LOST, WATERMARK_AGE,
    ):  # fmt: skip
        metric.labels(lane)

# --- alerts: rows -> alarms -> dispatch ---
FEED_LAG = Gauge("firetower_alerts_feed_lag_seconds", "Age of the oldest committed batch not yet judged", ["lane"])
FINDINGS = Counter("firetower_alerts_findings_total", "Verdicts of rules and events", ["code"])
ALARMS_RAISED = Counter("firetower_alerts_raised_total", "Alarms opened", ["category", "severity"])
ALARMS_OPEN = Gauge("firetower_alerts_open", "Alarms not closed", ["category", "severity"])
RECEIVED_TO_OPEN = Histogram(
    "firetower_event_received_to_alarm_open_seconds",
    "Event received to alarm open; the law allows 10 s to the screen",
    buckets=LATENCY_BUCKETS,
)
CONFIRMED_TO_ACCEPTED = Histogram(
    "firetower_fire_confirmed_to_dispatch_accepted_seconds",
    "Fire confirmed to accepted by the desk; the law allows 3 s",
    buckets=LATENCY_BUCKETS,
)
NOTICE_ATTEMPTS = Counter("firetower_notice_attempts_total", "Delivery attempts", ["result"])
NOTICES_OPEN = Gauge("firetower_notices_open", "Notices not delivered", ["state"])
STEPS_OVERDUE = Gauge("firetower_alerts_steps_overdue", "Steps of alarms that should have been taken 30 s ago")
ACTIVE = Gauge("firetower_alerts_active", "1 in the process that judges, 0 in a standby")
# Alarm load after ISA-18.2 and EEMUA 191; targets in docs/alerts.md
LOAD_10MIN = Gauge("firetower_alarm_load_per_10min", "Alarms opened in the last 10 minutes")
LOAD_FLOOD = Gauge("firetower_alarm_flood", "1 from more than 10 alarms in 10 minutes until fewer than 5")
LOAD_CHATTERING = Gauge("firetower_alarms_chattering", "Alarms that came 3 times or more within a minute, last hour")
LOAD_STALE = Gauge("firetower_alarms_stale", "Alarms active for more than 24 h")
LOAD_SHARE = Gauge("firetower_alarm_share_ratio", "Share of a severity among the alarms of 24 h", ["severity"])
LOAD_TOP10 = Gauge("firetower_alarm_top10_ratio", "Share of the 10 most frequent alarms among those of 24 h")
DISK_FREE = Gauge("firetower_disk_free_bytes", "Free on each disk that is watched", ["folder"])
DISK_FULL_IN_DAYS = Gauge(
    "firetower_disk_full_in_days", "At the pace of the last week; 3650: not for years", ["folder"]
)
CERTIFICATE_ENDS = Gauge(
    "firetower_certificate_ends_timestamp_seconds", "When the certificate ends that an address showed last", ["address"]
)
LEGAL_LIMIT = Gauge("firetower_legal_limit_seconds", "The limit a measured clock is held to", ["clock"])
LEGAL_LIMIT.labels("received_to_visible").set(10)
LEGAL_LIMIT.labels("confirmed_to_dispatch").set(3)

for lane in LANES:
    FEED_LAG.labels(lane)
for severity in Severity:
    LOAD_SHARE.labels(severity)

_OF_WHO_JUDGES = (
    FEED_LAG, ALARMS_OPEN, NOTICES_OPEN, STEPS_OVERDUE, LOAD_10MIN, LOAD_FLOOD, LOAD_CHATTERING, LOAD_STALE, LOAD_SHARE,
    LOAD_TOP10,
)  # fmt: skip

# --- push: rows -> subscribers ---
SUBSCRIPTIONS = Gauge("firetower_subscriptions", "Subscriptions", ["state"])
SUBSCRIPTION_ATTEMPTS = Counter("firetower_subscription_attempts_total", "Delivery attempts", ["result"])
COMMITTED_TO_SUBSCRIBER = Histogram(
    "firetower_event_committed_to_subscriber_seconds",
    "Event written to accepted by a subscriber at the first attempt",
    buckets=LATENCY_BUCKETS,
)
BROWSERS = Gauge("firetower_web_push_browsers", "Browsers that are told of fires while no page is open")
BROWSER_ATTEMPTS = Counter("firetower_web_push_attempts_total", "Messages to browsers by what came of them", ["result"])
PUSH_ACTIVE = Gauge("firetower_push_active", "1 in the process that delivers, 0 in a standby")

# --- gateway: panels -> MQTT ---
LINKS = Gauge("firetower_gateway_links", "Open panel links")
FRAMES = Counter("firetower_gateway_frames_total", "Frames by what became of them", ["result"])
CONFIRM_SECONDS = Histogram(
    "firetower_gateway_fire_confirm_seconds", "Fire frame arrived to confirm sent", buckets=LATENCY_BUCKETS
)

# --- api: rows -> people ---
STREAMS = Gauge("firetower_api_streams", "Open live streams")
RESYNCS = Counter("firetower_api_resyncs_total", "Streams told to fetch anew because they fell behind")
REQUESTS = Histogram(
    "firetower_api_request_seconds",
    "Requests by route template",
    ["method", "route", "status"],
    buckets=LATENCY_BUCKETS,
)


def note_standby() -> None:
    """Another process judges by now: say nothing on of what was measured while we did, as after a start."""
    for gauge in _OF_WHO_JUDGES:
        for family in gauge.collect():
            for sample in family.samples:
                (gauge.labels(**sample.labels) if sample.labels else gauge).set(0)


def serve_metrics(host: str, port: int | None, again_s: float = 5) -> None:
    """Answer Prometheus; a port of None means nobody asked for it. Figures wait for a network, fires do not.

    Raises:
        CannotListen: the address is taken.
    """
    if port is None:
        return
    where = f"FIRETOWER_METRICS_HOST, FIRETOWER_METRICS_PORT: {host}:{port}"
    try:
        start_http_server(port, addr=host)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:  # else this machine has no such address, perhaps not yet
            raise CannotListen(f"{where}: {error}") from error
        log.warning("metrics_not_served", address=f"{host}:{port}", error=describe_error(error))
        Thread(target=_serve_later, args=(host, port, again_s), name="metrics", daemon=True).start()


def _serve_later(host: str, port: int, again_s: float) -> None:
    while True:
        time.sleep(again_s)
        with suppress(OSError):
            start_http_server(port, addr=host)
            return
