"""The tables that the API reads, as SQLAlchemy Core sees them. The migrations own them; these only name columns."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.types import TypeEngine

_METADATA = sa.MetaData()
_INT = sa.Integer()
_BIG = sa.BigInteger()
_TEXT = sa.Text()
_REAL: TypeEngine[float] = sa.Double()
_BOOL = sa.Boolean()
_TIME = sa.DateTime(timezone=True)
_DAY = sa.Date()
_JSON = JSONB()
_BYTES = sa.LargeBinary()
_UUID = UUID(as_uuid=True)
_TEXTS = ARRAY(sa.Text())
_BIGS = ARRAY(sa.BigInteger())


def _table(name: str, /, **columns: "TypeEngine[Any]") -> sa.Table:
    return sa.Table(name, _METADATA, *(sa.Column(column, kind) for column, kind in columns.items()))


area = _table("area", code=_TEXT, name=_TEXT, parent=_TEXT, lon=_REAL, lat=_REAL, position_approximate=_BOOL)

site = _table(
    "site", id=_BIG, name=_TEXT, area=_TEXT, address=_TEXT, lon=_REAL, lat=_REAL, contacts=_JSON, access_note=_TEXT,
    test_window_until=_TIME, test_window_reason=_TEXT, test_window_by=_TEXT, version=_INT,
)  # fmt: skip

site_risk = _table(
    "site_risk", site_id=_BIG, score=_INT, grade=_TEXT, reasons=_JSON, policy_version=_INT, since=_TIME,
    updated_at=_TIME,
)  # fmt: skip

site_risk_daily = _table(
    "site_risk_daily", site_id=_BIG, day=_DAY, score=_INT, grade=_TEXT, worst_score=_INT, worst_grade=_TEXT,
    policy_version=_INT,
)  # fmt: skip

risk_look = _table("risk_look", at=_TIME)

device = _table(
    "device", id=_INT, code=_TEXT, kind=_TEXT, area=_TEXT, name=_TEXT, site_id=_BIG, form=_TEXT, lon=_REAL, lat=_REAL,
    source_datum=_TEXT, address=_TEXT, owner=_TEXT, maintainer=_TEXT, expected_interval_s=_INT, sleepy=_BOOL,
    rated_current_a=_REAL, limits=_JSON, gateway=_TEXT, gateway_address=_TEXT, gateway_profile=_TEXT, attributes=_JSON,
    registered=_BOOL, out_of_service_until=_TIME, out_of_service_reason=_TEXT, out_of_service_by=_TEXT, version=_INT,
    created_at=_TIME, updated_at=_TIME, placed_at=_TIME,
)  # fmt: skip

device_state = _table(
    "device_state", device_id=_INT, state=_JSON, state_at=_JSON, ts=_TIME, received_at=_TIME, last_seen=_TIME,
    is_online=_BOOL, offline_since=_TIME, clock_behind_s=_REAL, unreadable_since=_TIME,
)  # fmt: skip

early_warning = _table(
    "early_warning", id=_BIG, alarm_id=_BIG, began_at=_TIME, ended_at=_TIME, members=_TEXTS, lon=_REAL, lat=_REAL,
    expected=_REAL, seen=_REAL, unit=_TEXT, sure=_TEXT,
)  # fmt: skip

device_quality = _table(
    "device_quality", device_id=_INT, hour=_TIME, gaps=_BIG, restarts=_BIG, duplicates=_BIG, late=_BIG,
    rejects=_BIG,
)  # fmt: skip

device_quality_sum = _table(
    "device_quality_sum", device_id=_INT, hours_before=_TIME, gaps=_BIG, restarts=_BIG, duplicates=_BIG,
    late=_BIG, rejects=_BIG,
)  # fmt: skip

event = _table(
    "event", device_id=_INT, ts=_TIME, seq=_BIG, received_at=_TIME, late=_BOOL, event_id=_TEXT, type=_TEXT,
    active=_BOOL, component=_TEXT, zone=_TEXT, system_type=_INT, component_type=_INT, description=_TEXT,
    device_ts=_TIME, digest=_BYTES, extra=_JSON,
)  # fmt: skip

set_aside = _table(
    "set_aside", id=_BIG, program=_TEXT, kind=_TEXT, name=_TEXT, area=_TEXT, fire=_BOOL, error=_TEXT, detail=_JSON,
    first_at=_TIME, last_at=_TIME, failures=_INT, retry_requested_at=_TIME, retry_requested_by=_TEXT, done_at=_TIME,
    result=_TEXT,
)  # fmt: skip

reject = _table(
    "reject", id=_BIG, received_at=_TIME, topic=_TEXT, payload=_BYTES, reason=_TEXT, detail=_TEXT, element=_INT,
    device_id=_INT, stored=_BOOL, replay_requested_at=_TIME, replay_requested_by=_TEXT, replayed_at=_TIME,
    replay_result=_TEXT,
)  # fmt: skip

command = _table(
    "command", id=_UUID, device_id=_INT, command=_TEXT, arguments=_JSON, state=_TEXT, created_by=_TEXT,
    created_at=_TIME, answer_by=_TIME, sent_at=_TIME, replied_at=_TIME, reply=_JSON, error=_TEXT,
)  # fmt: skip

incident = _table(
    "incident", id=_BIG, kind=_TEXT, cause=_TEXT, title=_TEXT, title_en=_TEXT, area=_TEXT, site_id=_BIG,
    opened_at=_TIME, updated_at=_TIME, closed_at=_TIME, desk_incident_id=_TEXT,
)  # fmt: skip

alarm = _table(
    "alarm", id=_BIG, code=_TEXT, component=_TEXT, category=_TEXT, severity=_TEXT, state=_TEXT, confidence=_TEXT,
    verification=_TEXT, device_id=_INT, site_id=_BIG, area=_TEXT, zone=_TEXT, value=_REAL, limit_value=_REAL,
    reason=_TEXT, reason_en=_TEXT, late_min=_INT, opened_at=_TIME, since=_TIME, acknowledged_at=_TIME,
    acknowledged_by=_TEXT, cleared_at=_TIME, closed_at=_TIME, incident_id=_BIG, shelved_until=_TIME, shelved_by=_TEXT,
    shelve_reason=_TEXT, escalates_at=_TIME, scope=_TEXT, drill=_BOOL, test_window=_BOOL, version=_INT, life=_JSON,
    updated_at=_TIME,
)  # fmt: skip

alarm_transition = _table(
    "alarm_transition", alarm_id=_BIG, number=_INT, at=_TIME, actor=_TEXT, act=_TEXT, outcome=_TEXT, from_state=_TEXT,
    to_state=_TEXT, detail=_JSON,
)  # fmt: skip

notice = _table(
    "notice", id=_UUID, alarm_id=_BIG, incident_id=_BIG, channel=_TEXT, type=_TEXT, fire=_BOOL, state=_TEXT,
    due_at=_TIME, created_at=_TIME, attempts=_INT, delivered_at=_TIME, last_status=_INT, last_error=_TEXT,
    desk_incident_id=_TEXT,
)  # fmt: skip

notice_attempt = _table(
    "notice_attempt", notice_id=_UUID, number=_INT, at=_TIME, duration_ms=_REAL, status=_INT, error=_TEXT,
    answer=_TEXT,
)  # fmt: skip

hazard = _table(
    "hazard", id=_BIG, device_id=_INT, site_id=_BIG, component=_TEXT, code=_TEXT, grade=_TEXT, source=_TEXT,
    state=_TEXT, owner=_TEXT, due=_TIME, description=_TEXT, description_en=_TEXT, cause_gone_at=_TIME, found_at=_TIME,
    found_by=_TEXT, assigned_at=_TIME, assigned_by=_TEXT, rectified_at=_TIME, rectified_by=_TEXT, closed_at=_TIME,
    closed_by=_TEXT, closed_as=_TEXT, supervised_at=_TIME, supervised_by=_TEXT, authority=_TEXT, version=_INT,
    updated_at=_TIME,
)  # fmt: skip

hazard_step = _table(
    "hazard_step", hazard_id=_BIG, number=_INT, at=_TIME, actor=_TEXT, act=_TEXT, from_state=_TEXT, to_state=_TEXT,
    note=_TEXT, detail=_JSON,
)  # fmt: skip

grid = _table(
    "grid", id=_TEXT, name=_TEXT, area=_TEXT, parent=_TEXT, people=_JSON, polygon=_JSON, west=_REAL, south=_REAL,
    east=_REAL, north=_REAL, version=_INT, updated_at=_TIME,
)  # fmt: skip

inspection = _table(
    "inspection", id=_BIG, request_id=_UUID, digest=_BYTES, device_id=_INT, site_id=_BIG, checklist=_TEXT,
    inspected_at=_TIME, received_at=_TIME, inspected_by=_TEXT, answers=_JSON, failed=_INT, note=_TEXT, hazards=_BIGS,
    photo_type=_TEXT,
)  # fmt: skip

rule_parameter = _table(
    "rule_parameter", id=_BIG, code=_TEXT, scope=_TEXT, target=_TEXT, parameters=_JSON, effective_from=_TIME,
    created_by=_TEXT, created_at=_TIME,
)  # fmt: skip

rule_trial = _table(
    "rule_trial", id=_BIG, code=_TEXT, scope=_TEXT, target=_TEXT, area=_TEXT, parameters=_JSON, since=_TIME,
    until=_TIME, created_by=_TEXT, created_at=_TIME, state=_TEXT, progress=_REAL, readings=_BIG, ended_at=_TIME,
    fault=_TEXT, fault_en=_TEXT, result=_JSON,
)  # fmt: skip

policy = _table("policy", name=_TEXT, body=_JSON, version=_INT, updated_by=_TEXT, updated_at=_TIME)

contact = _table(
    "contact", id=_BIG, name=_TEXT, channel=_TEXT, address=_TEXT, area=_TEXT, settings=_JSON, enabled=_BOOL,
    by_county=_BOOL, version=_INT, created_at=_TIME,
)  # fmt: skip

audit = _table("audit", id=_BIG, at=_TIME, actor=_TEXT, action=_TEXT, target=_TEXT, detail=_JSON)

person = _table(
    "person", id=_BIG, username=_TEXT, name=_TEXT, role=_TEXT, areas=_TEXTS, language=_TEXT, enabled=_BOOL,
    version=_INT, created_at=_TIME, updated_at=_TIME,
)  # fmt: skip

web_session = _table("web_session", token_hash=_BYTES, person_id=_BIG, created_at=_TIME, expires_at=_TIME)

api_key = _table(
    "api_key", id=_BIG, name=_TEXT, key_hash=_BYTES, hint=_TEXT, role=_TEXT, areas=_TEXTS, created_by=_TEXT,
    created_at=_TIME, expires_at=_TIME, revoked_at=_TIME,
)  # fmt: skip

township = _table(
    "township", name=_TEXT, areas=_TEXTS, api_key_id=_BIG, created_by=_TEXT, created_at=_TIME, last_heard=_TIME,
    version=_TEXT, backlog_rows=_BIG, backlog_s=_REAL, heard_until=_TIME, heard_since=_TIME,
    broker=_TEXT,
)  # fmt: skip
