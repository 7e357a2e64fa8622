from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.alerts.clocks import answered
from services.alerts.contacts import write_call
from services.api.alarms.notices import CALL_FIELDS
from services.core.alarms.load import in_flood
from services.core.alarms.policies import DEFAULTS, read_policies

ALARM = {
    "alarm_id": 7, "code": "dispatch_failed", "severity": "critical", "reason": "119 未接收 1 条通知",
    "reason_en": "the desk has not accepted 1 notice", "place": "",
}  # fmt: skip
GATEWAYS = read_policies(
    {
        "sms_gateway": {
            "url": "http://gw/sms", "headers": {"x-key": "k"}, "body": {"to": ["{address}"], "text": "{text}", "n": 1},
        }
    }
)  # fmt: skip


def contact(channel: str, address: str = "13800000000") -> dict[str, Any]:
    return {"name": "值班长", "channel": channel, "address": address, "settings": "{}", "area": None}


def test_a_gateways_template_is_filled_in_every_text() -> None:
    call = write_call(contact("sms"), GATEWAYS, ALARM, drill=False)
    assert call is not None
    assert call.target == {"url": "http://gw/sms", "headers": {"x-key": "k"}, "by_county": True}
    text = "【望火楼】紧急告警 119 未接收 1 条通知（告警号 7）"
    assert orjson.loads(call.body) == {"to": ["13800000000"], "text": text, "n": 1}


def test_a_channel_without_a_gateway_reaches_nobody() -> None:
    assert write_call(contact("voice"), GATEWAYS, ALARM, drill=False) is None


def test_a_webhook_gets_the_facts_and_a_drill_is_marked() -> None:
    call = write_call(contact("webhook", "http://people/hook"), GATEWAYS, ALARM, drill=True)
    assert call is not None
    assert call.target["url"] == "http://people/hook"
    body = orjson.loads(call.body)
    assert body.keys() == CALL_FIELDS, "what the API shows of a call without a mask"
    assert body["drill"] is True
    assert body["text"].startswith("【演练】")
    assert (body["alarm_id"], body["code"], body["severity"]) == (7, "dispatch_failed", "critical")


OPEN = {
    "code": "fire", "state": "unacknowledged", "acknowledged_at": None, "verification": "pending", "test_window": False,
    "cleared_at": None, "shelved": False, "quiet_until": None, "spoken_for": False,
}  # fmt: skip
QUIET = "skipped: put aside, under maintenance or in a test"


@pytest.mark.parametrize(
    ("until", "alarm", "why"),
    [
        ("acknowledged", OPEN, None),
        ("judged", OPEN, None),
        ("closed", OPEN, None),
        ("acknowledged", {**OPEN, "acknowledged_at": "now"}, "skipped: acknowledged"),
        ("judged", {**OPEN, "acknowledged_at": "now"}, None),
        ("judged", {**OPEN, "verification": "real"}, "skipped: judged"),
        ("closed", {**OPEN, "acknowledged_at": "now"}, None),
        ("closed", {**OPEN, "state": "closed"}, "skipped: closed"),
        ("closed", {**OPEN, "shelved": True}, QUIET),
        ("closed", {**OPEN, "spoken_for": True}, "skipped: another alarm of its incident speaks for it"),
        ("closed", {**OPEN, "quiet_until": "2026-11-23T12:00:01+00:00"}, QUIET),
        *(
            ("closed", {**OPEN, "quiet_until": end}, None)
            for end in ("2026-11-23T12:00:00+00:00", "2026-11-23T12:00:01", "soon")
        ),
        ("judged", {**OPEN, "test_window": True, "cleared_at": "now"}, "skipped: began and ended in a test"),
    ],
)
def test_a_step_is_taken_until_its_answer(until: str, alarm: dict[str, Any], why: str | None) -> None:
    assert answered({**alarm, "until": until}, datetime(2026, 11, 23, 12, tzinfo=UTC)) == why


@pytest.mark.parametrize(
    ("per_10min", "before", "after"), [(10, False, False), (11, False, True), (5, True, True), (4, True, False)]
)
def test_a_flood_begins_above_ten_and_ends_below_five(per_10min: int, before: bool, after: bool) -> None:
    assert in_flood(per_10min, flood=before) is after


def test_stored_policies_lie_over_the_defaults_field_by_field() -> None:
    policies = read_policies({"fire_clocks": {"suspected_s": 90}, "drill": {"until": "2026-11-23T12:00:00Z"}})
    assert policies.alarm.suspected_clock_s == 90
    assert policies.alarm.probable_clock_s == DEFAULTS["fire_clocks"]["probable_s"]
    assert policies.alarm.drill_until is not None
    assert policies.number("notices", "overdue_after_s") == 60
    assert [step.number for step in policies.escalation] == [1, 2, 3, 4, 5]
