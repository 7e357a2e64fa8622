"""Whatever ingest says of a message that it refuses is said in Chinese too."""

import re

import pytest

from services.api.measured.reject_words import reject_in_chinese
from services.core.fields import FIELD_RULES, UNIT_HINTS, complaint
from services.core.topics import Kind
from services.ingest.decode import decode

RECEIVED_US = 1_795_879_615_434_000
TELEMETRY, EVENT, STATUS = (f"fire/v1/140931100/hydrant/h-1/up/{name}" for name in ("telemetry", "event", "status"))
TS, SEQ = '"ts": 1795879615434', '"seq": 1'
REFUSED = [
    (TELEMETRY, b"not json"),
    (TELEMETRY, b"[]"),
    (TELEMETRY, b"7"),
    (TELEMETRY, b"[7]"),
    (TELEMETRY, b"[" + b"{}," * 600 + b"{}]"),
    (TELEMETRY, b"{}"),
    (TELEMETRY, b'{"ts": 1795879615}'),
    (TELEMETRY, b'{"ts": true}'),
    (TELEMETRY, b'{"ts": "tomorrow"}'),
    (TELEMETRY, b'{"ts": "2026-13-01T00:00:00Z"}'),
    (TELEMETRY, b'{"ts": "2026-11-01T00:00:00+99:00"}'),
    (TELEMETRY, b'{"ts": 1000000000000, "seq": 1}'),
    (TELEMETRY, b'{"ts": 1895879615434, "seq": 1}'),
    (TELEMETRY, f"{{{TS}}}".encode()),
    (TELEMETRY, f'{{{TS}, "seq": -1}}'.encode()),
    (TELEMETRY, f"{{{TS}, {SEQ}}}".encode()),
    (TELEMETRY, f'{{{TS}, {SEQ}, "pressure_mpa": 310}}'.encode()),
    (TELEMETRY, f'{{{TS}, {SEQ}, "pressure_mpa": 310, "flow_lps": 1, "cap_open": 7}}'.encode()),
    (TELEMETRY, f'{{{TS}, {SEQ}, "flow_lps": 1, "pressure_mpa": 0.3'.encode()),
    (TELEMETRY, f'{{{TS}, {SEQ}, "type": "fire"}}'.encode()),
    (EVENT, b"[]"),
    (EVENT, b"not json"),
    (EVENT, b"7"),
    (EVENT, b"{}"),
    (TELEMETRY, f'{{{TS}, {SEQ}, "flow_lps": 1,}}'.encode()),
    (TELEMETRY, b'"{\\"ts\\": 1795879615434, \\"seq\\": 1, \\"flow_lps\\": 1}"'),
    (EVENT, b'{"type": "fire",}'),
    (EVENT, b'"{\\"type\\": \\"fire\\"}"'),
    (STATUS, b'{"online": "yes"}'),
    ("fire/v1/nowhere", b"{}"),
]


@pytest.mark.parametrize(("topic", "payload"), REFUSED, ids=lambda value: repr(value)[:50])
def test_a_refused_message_says_why_in_chinese(topic: str, payload: bytes) -> None:
    rejects = decode(topic, payload, RECEIVED_US).rejects
    assert rejects
    for reject in rejects:
        said = reject_in_chinese(reject.detail)
        assert said is not None, reject.detail
        assert re.search("[\u4e00-\u9fff]", said)


@pytest.mark.parametrize(
    "result",
    ["stored", "stored before", "stored; still bad: pressure_mpa", "stored before; still bad: flow_lps, tilt_deg"],
)
def test_what_a_replay_came_to_is_said_in_chinese(result: str) -> None:
    assert re.search("[\u4e00-\u9fff]", reject_in_chinese(result) or "")


@pytest.mark.parametrize("kind", Kind)
def test_every_field_out_of_its_limits_is_said_in_chinese(kind: Kind) -> None:
    for name, rule in FIELD_RULES[kind].items():
        for value in ("many", -(10**9)):
            assert reject_in_chinese(complaint(name, rule, value)) is not None, name
    assert all(reject_in_chinese(hint) for hint in UNIT_HINTS.values())


def test_what_is_not_known_is_not_half_translated() -> None:
    assert reject_in_chinese("send mA; the moon is too bright") is None
