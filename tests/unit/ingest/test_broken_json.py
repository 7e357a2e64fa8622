"""The walk through almost-JSON: bounded for all text, exact on what is JSON, and never a value that was not sent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.broken_json import MOST_STEPS, Walk, find_objects
from services.ingest.encodings import read_text

MOST_BYTES = 256 * 1024
TEXTS = st.text("ab{}[]:,\"'\\火 \n", max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXTS, SCALARS | st.lists(SCALARS), max_size=3)
OBJECTS = st.dictionaries(TEXTS.filter(bool), VALUES, max_size=4)
PIECES = st.sampled_from(
    ["{", "}", "[", "]", ":", ",", '"', "'", "\\", '{"a":', "[1,", '"type":"fire"', "1e", "-", "nan", " ", "\0", "火"]
)


def steps_of(text):
    walk = Walk(text)
    find_objects(text, walk)
    return walk.steps


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.sampled_from(["", "\n", ",", "\0", " \x1e "]))
def test_whole_objects_come_out_as_they_went_in(objects, joint):
    found, _ = find_objects(joint.join(json.dumps(one) for one in objects))
    assert [one.value for one in found] == objects
    assert not any(one.marks or one.doubtful for one in found)


@given(OBJECTS.filter(bool), st.data())
def test_a_cut_object_holds_only_what_was_sent(sent, data):
    text = json.dumps(sent)
    found, _ = find_objects(text[: data.draw(st.integers(2, len(text) - 1))])
    for one in found:
        for name, value in one.value.items():
            if name not in one.doubtful:
                assert sent[name] == value
        assert one.doubtful <= one.value.keys()


@given(OBJECTS.filter(bool))
def test_a_trailing_comma_changes_nothing(sent):
    (found,) = find_objects(json.dumps(sent)[:-1] + " ,\n}")[0]
    assert (found.value, found.marks, found.doubtful) == (sent, {"trailing_comma"}, set())


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(max_examples=400)
def test_no_text_makes_it_fail_and_its_steps_follow_the_length(text):
    found, _ = find_objects(text)
    assert all(isinstance(one.value, dict) for one in found)
    assert steps_of(text) <= 12 * len(text) + 12


@given(st.lists(PIECES, min_size=1, max_size=6).map("".join))
@settings(max_examples=60, deadline=None)
def test_the_largest_payload_of_any_pattern_ends_within_the_bound(piece):
    text = (piece * MOST_BYTES)[:MOST_BYTES]
    longest_try = MOST_BYTES // 32  # one vain try of the C scanner may carry the count past the bound, once
    assert steps_of(text) <= MOST_STEPS + longest_try + 100


@given(st.binary(max_size=200))
def test_all_bytes_are_some_text(payload):
    text, marks = read_text(payload)
    assert isinstance(text, str)
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"])
@given(description=st.text(st.characters(codec="gb18030", exclude_characters="\0"), max_size=30))
def test_an_object_is_read_in_every_encoding(encoding, description):
    text = json.dumps({"type": "fire", "description": description + "三楼烟感报警"}, ensure_ascii=False)
    if encoding == "gb18030" and _is_utf8(text.encode(encoding)):
        return  # such bytes say two things, and UTF-8 goes first
    assert json.loads(read_text(text.encode(encoding))[0], strict=False)["type"] == "fire"


def _is_utf8(payload):
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_utf_8_with_a_lost_byte_is_not_taken_for_gb_18030():
    payload = '{"type":"fire","description":"三楼东侧走廊烟感报警"}'.encode().replace("廊".encode(), b"\xe5\xbb")
    text, marks = read_text(payload)
    assert "三楼东侧走" in text
    assert marks == ["not_utf8"]
    assert "三楼东侧走" in read_text('{"type":"fire","description":"三楼东侧走廊'.encode()[:-1])[0]
