"""The catalogue of refusals: every sentence is found, and what it carries over stands in its Chinese."""

import re

import pytest

from services.api.request.chinese import CATALOGUE, in_chinese, with_chinese


@pytest.mark.parametrize("pattern", CATALOGUE, ids=lambda pattern: pattern.pattern[:60])
def test_a_sentence_of_the_catalogue_has_its_own_chinese(pattern: re.Pattern[str]) -> None:
    sentence = re.sub(r"\\(.)", r"\1", re.sub(r"\(\?P<(\w+)>\.\*\)", r"X\1X", pattern.pattern))
    said = in_chinese(sentence)
    assert said == CATALOGUE[pattern].format(**{name: f"X{name}X" for name in pattern.groupindex})
    assert re.search("[\u4e00-\u9fff]", said)


def test_what_the_catalogue_lacks_stays_english() -> None:
    assert in_chinese("the moon is too bright") is None
    assert with_chinese({"field": "a", "message": "b"}) == {"field": "a", "message": "b"}


def test_numbers_and_names_are_carried_over() -> None:
    assert in_chinese("Input should be greater than or equal to 1") == "不能小于 1"
    # a list of channels and a password are refused by the same words
    assert in_chinese("Value should have at most 3 items after validation, not 9") == "长度最多为 3"
    assert in_chinese("Value should have at least 1 item after validation, not 0") == "长度至少为 1"
    assert in_chinese("your account does not cover it") == "当前账号不包含该区域"
