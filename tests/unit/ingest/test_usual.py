"""The usual message is read in one pass, and never otherwise than field by field."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.contracts import MAX_READINGS
from services.core.fields import FIELD_RULES
from services.core.moment import DAY_US, MINUTE_US
from services.core.topics import Kind
from services.ingest import decode as careful
from services.ingest.usual import read_usual

NOW_US = 1_795_460_000_000_000
NOW_MS = NOW_US // 1000

NUMBERS = st.one_of(
    st.integers(-5, 500).map(str),
    st.floats(-200, 1000).map(str),
    st.sampled_from([
        "0", "-0", "-0.0", "0.1e1", "1E2", "14.0", "1e-400", "1e400", "-1e400", "NaN", "Infinity", "-Infinity",
        "1.7e308", "1.8e308", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616",
        "100000000000000000000000000000000000000000000000000", "01", "+1", ".5", "5.", "0x10", "1_0",
    ]),
)  # fmt: skip
OTHERS = st.sampled_from([
    "null", "true", "false", '"1"', '""', '"\\ud800"', '"\\u0000"', "[]", "{}", "[1]", '{"a":1}', "[" * 40 + "]" * 40,
    "tru",
])  # fmt: skip
TIMES = st.one_of(
    st.integers(NOW_MS - 31 * DAY_US // 1000, NOW_MS + 6 * MINUTE_US // 1000).map(str),
    st.sampled_from([
        str(NOW_MS), f"{NOW_MS}.0", f"{NOW_MS // 1000}", "null",
        '"2026-11-23T18:00:00+08:00"', '"2026-11-23T18:53:20Z"',
        '"2026-11-23T18:53:20"', "1e12", "true", "-1", "1795460000000000000000", '"\\ud800"',
    ]),
)  # fmt: skip
SEQUENCES = st.one_of(
    st.integers(-2, 2**32 + 2).map(str),
    st.sampled_from(["0", "4294967295", "4294967296", "7.0", "7.5", "null", '"7"', "true", "18446744073709551617"]),
)


@st.composite
def objects(draw, kind):
    """One reading as text, nearly always as the contract has it; names may come twice, or be nobody's."""
    names = st.sampled_from([*FIELD_RULES[kind], "fw", "ts", "seq", "pressure\\u005fmpa"])
    members = draw(st.lists(st.tuples(names, NUMBERS | OTHERS), max_size=6))
    members += draw(st.just([("ts", str(NOW_MS)), ("seq", "7")]) | st.tuples(TIMES, SEQUENCES).map(_named))
    members = draw(st.permutations(members))
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    return "{" + ",".join(f'{space}"{name}":{space}{value}' for name, value in members) + space + "}"


def _named(both):
    return [("ts", both[0]), ("seq", both[1])]


@st.composite
def messages(draw):
    kind = draw(st.sampled_from(Kind))
    one = objects(kind)
    text = draw(one | st.lists(one, max_size=3).map(lambda some: "[" + ",".join(some) + "]"))
    around = draw(st.sampled_from([("", "")] * 8 + [("\ufeff", ""), ("", "\0"), ("", ","), ("", "{}"), (" ", "\r\n")]))
    return kind, (around[0] + text + around[1]).encode()


def read_carefully(kind, payload):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(careful, "read_usual", lambda *_: None)
        return careful.decode(f"fire/v1/140931100/{kind}/D1/up/telemetry", payload, NOW_US)


@given(messages())
@settings(max_examples=400)
def test_what_is_taken_reads_the_same_as_field_by_field(message):
    kind, payload = message
    taken = read_usual(kind, payload, NOW_US)
    if taken is None:
        return
    read = read_carefully(kind, payload)
    assert [(one.ts_us, one.seq, list(one.values), one.extra) for one in taken] == [
        (one.ts_us, one.seq, list(one.values), one.extra) for one in read.readings
    ]
    assert [[type(value) for value in one.values] for one in taken] == [
        [type(value) for value in one.values] for one in read.readings
    ]
    assert (read.rejects, read.mended, read.alone) == ([], frozenset(), len(taken) == 1)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("ts", [NOW_MS, "2026-11-23T18:53:20.5+00:00"])
def test_a_reading_as_the_contract_has_it_is_taken(kind, ts):
    usual = {bool: True, int: 1, float: 0.0}
    reading = {"ts": ts, "seq": 2**32 - 1} | {name: usual[rule.base] for name, rule in FIELD_RULES[kind].items()}
    for sent in (reading, [reading, {**reading, "seq": 0}], dict(reversed(reading.items()))):
        taken = read_usual(kind, json.dumps(sent).encode(), NOW_US)
        assert taken is not None
        assert None not in taken[0].values


@pytest.mark.parametrize(
    "body",
    [
        {"ts": NOW_MS, "seq": 1},
        {"ts": NOW_MS, "seq": 1, "flow_lps": None},
        {"ts": NOW_MS, "seq": 1, "flow_lps": True},
        {"ts": NOW_MS, "seq": 1, "flow_lps": "1"},
        {"ts": NOW_MS, "seq": 1, "flow_lps": 201},
        {"ts": NOW_MS, "seq": 2**32, "flow_lps": 1},
        {"ts": NOW_MS, "seq": 1, "flow_lps": 1, "fw": 3},
        {"ts": NOW_MS // 1000, "seq": 1, "flow_lps": 1},
        {"ts": NOW_MS + 300_001, "seq": 1, "flow_lps": 1},
        [],
        [{"ts": NOW_MS, "seq": 1, "flow_lps": 1}, {"ts": NOW_MS, "seq": 2}],
        [{"ts": NOW_MS, "seq": seq, "flow_lps": 1} for seq in range(MAX_READINGS + 1)],
    ],
)
def test_anything_else_takes_a_closer_look(body):
    assert read_usual(Kind.HYDRANT, json.dumps(body).encode(), NOW_US) is None


@pytest.mark.parametrize(
    "ts", [b'"\xff"', b'"\\ud800"', b'"\xed\xa0\x80"', b'"\x00"', b'"\\u0000"', b"[[[[", b"1" * 5000]
)
def test_bytes_that_are_no_text_or_no_number_raise_nothing(ts):
    assert read_usual(Kind.HYDRANT, b'{"ts":%b,"seq":1,"flow_lps":1}' % ts, NOW_US) is None


def test_the_last_of_a_repeated_name_counts_as_it_does_elsewhere():
    payload = b'{"ts":%d,"seq":1,"seq":2,"flow_lps":1,"flow_lps":null,"pressure_mpa":0.2}' % NOW_MS
    (taken,), read = read_usual(Kind.HYDRANT, payload, NOW_US), read_carefully(Kind.HYDRANT, payload)
    assert (taken.seq, list(taken.values)) == (read.readings[0].seq, read.readings[0].values)
    assert taken.values.count(None) == len(taken.values) - 1
