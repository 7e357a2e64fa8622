from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.answers import Answer, Fate, judge_answer, wait_s
from services.core.receivers import SuccessRule

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (None, Fate.RETRY),
        (200, Fate.DELIVERED),
        (201, Fate.DELIVERED),
        (299, Fate.DELIVERED),
        (301, Fate.DEAD),
        (307, Fate.DEAD),
        (400, Fate.DEAD),
        (401, Fate.DEAD),
        (404, Fate.DEAD),
        (408, Fate.RETRY),
        (409, Fate.DELIVERED),
        (410, Fate.DEAD),
        (425, Fate.RETRY),
        (429, Fate.RETRY),
        (499, Fate.DEAD),
        (500, Fate.RETRY),
        (503, Fate.RETRY),
        (599, Fate.RETRY),
    ],
)
def test_what_becomes_of_a_notice_by_status(status: int | None, fate: Fate) -> None:
    assert judge_answer(Answer(status, {}, b""), NOW).fate is fate


@pytest.mark.parametrize(
    ("body", "incident_id"),
    [
        (b'{"incident_id": "119-7"}', "119-7"),
        (b'{"incident_id": 7}', "7"),
        (b'\xef\xbb\xbf{"incident_id": "119-7"}', "119-7"),
        (b"{}", None),
        (b"[]", None),
        (b"not json", None),
        (b"", None),
        (b'{"incident_id": null}', None),
    ],
)
def test_the_desks_incident_id_is_kept_when_there_is_one(body: bytes, incident_id: str | None) -> None:
    assert judge_answer(Answer(200, {}, body), NOW).incident_id == incident_id


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("0", 0),
        ("Mon, 23 Nov 2026 12:00:20 GMT", 20),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(value: str, seconds: float | None) -> None:
    assert judge_answer(Answer(503, {"retry-after": value}, b""), NOW).retry_after_s == seconds


@given(st.integers(1, 1000), st.floats(0, 1), st.booleans())
def test_back_off_is_bounded_and_never_shorter_than_half_its_step(attempts: int, chance: float, fire: bool) -> None:
    wait = wait_s(attempts, None, fire=fire, chance=chance)
    assert 0 < wait <= (5 if fire else 60)


@pytest.mark.parametrize(
    ("fire", "asked", "waited"), [(True, 3, 3), (True, 3600, 30), (False, 90, 90), (False, 90_000, 3600)]
)
def test_what_the_desk_asks_for_is_obeyed_up_to_a_limit(fire: bool, asked: float, waited: float) -> None:
    assert wait_s(1, asked, fire=fire) == waited


def test_jitter_is_drawn_when_none_is_given() -> None:
    assert len({wait_s(3, None, fire=True) for _ in range(20)}) > 1


RULE = SuccessRule.model_validate({"json": {"path": "$.errcode", "equals": 0}})


@pytest.mark.parametrize(
    ("rule", "status", "body", "fate"),
    [
        ({"json": {"path": "errcode", "equals": 0}}, 200, b'{"errcode":0}', Fate.DELIVERED),
        ({"json": {"path": "errcode", "equals": 0}}, 200, b'{"errcode":0.0}', Fate.DELIVERED),
        ({"json": {"path": "$.errcode", "equals": 0}}, 200, b'{"errcode":310000}', Fate.RETRY),
        ({"json": {"path": "errcode", "equals": 0}}, 200, b'{"errcode":false}', Fate.RETRY),
        ({"json": {"path": "errcode", "equals": 0}}, 200, b'{"errcode":"0"}', Fate.RETRY),
        ({"json": {"path": "ok", "equals": True}}, 200, b'{"ok":1}', Fate.RETRY),
        ({"json": {"path": "ok", "equals": True}}, 200, b'{"ok":true}', Fate.DELIVERED),
        ({"json": {"path": "result.0.code", "equals": "OK"}}, 200, b'{"result":[{"code":"OK"}]}', Fate.DELIVERED),
        ({"json": {"path": "result.1.code", "equals": "OK"}}, 200, b'{"result":[{"code":"OK"}]}', Fate.RETRY),
        ({"json": {"path": "data", "equals": None}}, 200, b'{"data":null}', Fate.DELIVERED),
        ({"json": {"path": "data", "equals": None}}, 200, b"{}", Fate.RETRY),
        ({"json": {"path": "errcode", "equals": 0}}, 200, b'\xef\xbb\xbf{"errcode":0}\r\n\0', Fate.DELIVERED),
        ({"json": {"path": "errcode", "equals": 0}}, 200, b"<html>", Fate.RETRY),
        ({"json": {"path": "errcode", "equals": 0}}, 200, b"", Fate.RETRY),
        ({"json": {"path": "errcode", "equals": 0}}, 500, b'{"errcode":0}', Fate.RETRY),
        ({"json": {"path": "errcode", "equals": 0}}, 403, b'{"errcode":0}', Fate.DEAD),
        ({"status": [200]}, 200, b"", Fate.DELIVERED),
        ({"status": [200]}, 202, b"", Fate.RETRY),
        ({"status": [200, 302]}, 302, b"", Fate.DELIVERED),
        ({"status": [202], "json": {"path": "a", "equals": 1}}, 202, b'{"a":1}', Fate.DELIVERED),
        ({}, 200, b"", Fate.DELIVERED),
    ],
)
def test_a_receiver_with_a_rule_of_its_own(rule: dict[str, Any], status: int, body: bytes, fate: Fate) -> None:
    verdict = judge_answer(Answer(status, {}, body), NOW, SuccessRule.model_validate(rule))
    assert verdict.fate is fate
    assert (verdict.error is None) == (fate is Fate.DELIVERED)


def test_the_error_of_a_rule_says_what_was_wanted_and_leaves_what_was_found_to_the_answer() -> None:
    error = judge_answer(Answer(200, {}, b'{"errcode":310000,"errmsg":"sign not match"}'), NOW, RULE).error
    assert error == "HTTP 200, but $.errcode is not 0"


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        ("系统繁忙".encode("gbk"), "text/html; charset=GB2312", "系统繁忙"),
        ("系统繁忙".encode("utf-16"), "text/html; charset=utf-16", "系统繁忙"),
        ("系统繁忙".encode(), "text/html", "系统繁忙"),
        ("系统繁忙".encode(), "text/html; charset=unicode_escape", "系统繁忙"),
        ("系统繁忙".encode(), 'text/html; charset="', "系统繁忙"),
        (b"a\x00b", "", "a\N{REPLACEMENT CHARACTER}b"),
        (b"x" * 5000, "", "x" * 1024),
        (b"", "", None),
    ],
)
def test_the_first_kilobyte_is_kept_for_people(body: bytes, content_type: str, words: str | None) -> None:
    assert Answer(503, {"content-type": content_type}, body).words == words


@given(st.binary(max_size=300), st.text(max_size=60), st.text(max_size=60), st.integers(100, 999))
def test_no_answer_is_too_odd_to_be_judged(body: bytes, content_type: str, retry_after: str, status: int) -> None:
    answer = Answer(status, {"content-type": content_type, "retry-after": retry_after}, body)
    for rule in (None, RULE):
        verdict = judge_answer(answer, NOW, rule)
        timedelta(seconds=wait_s(1, verdict.retry_after_s, fire=False))
    assert answer.words is None or "\0" not in answer.words


@given(st.sampled_from(["Fri, 31 Dec {} 23:59:59 {}", "Mon, 01 Jan {} 00:00:00 {}"]), st.integers(0, 10_000),
       st.from_regex(r"[+-][0-9]{4}", fullmatch=True))  # fmt: skip
def test_any_date_can_stand_in_retry_after(form: str, year: int, zone: str) -> None:
    value = form.format(f"{year:04d}", zone)
    seconds = judge_answer(Answer(503, {"retry-after": value}, b""), NOW).retry_after_s
    assert seconds is None or seconds >= 0
