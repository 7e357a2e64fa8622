from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.masks import MASK, MaskMisplaced, find_secrets, hide, mask_headers, mask_template, mask_url, unmask

WORDS = st.text("ab7{}*/?=&#@:. 保", max_size=10)
TEMPLATES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.sampled_from(["{address}", "【x】{text}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://gw.example:8080/send", "http://gw.example:8080/send"),
        ("http://127.0.0.1:9/hook", "http://127.0.0.1:9/hook"),
        ("https://u:p@gw.example/send?a=1&key=k&flag#f", "https://***@gw.example/send?a=***&key=***&***#***"),
        ("https://oapi.dingtalk.com/robot/send?access_token=1f2e", "https://oapi.dingtalk.com/robot/send?access_token=***"),
        (
            "https://open.feishu.cn/open-apis/bot/v2/hook/0c9f4b7a-1d2e-4f60-8a9b-112233445566",
            "https://open.feishu.cn/open-apis/bot/v2/hook/***",
        ),
        ("https://api.telegram.org/bot1102:AAHdqTcvCH1vGWJxf/sendMessage", "https://api.telegram.org/***/sendMessage"),
        ("https://gw.example/hook/YWJjMTIzZGVmNDU2Zw==/1", "https://gw.example/hook/***/1"),
        ("https://gw.example/hook/abcdefghijklmnopqrstuvwx", "https://gw.example/hook/***"),
        ("https://gw.example/send;token=k1", "https://gw.example/***"),
        ("http://[::1", MASK),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_what_may_be_a_key(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@given(TEMPLATES)
def test_what_was_shown_and_is_written_back_is_what_was_stored(stored: Any) -> None:
    shown = mask_template(stored)
    assert unmask(shown, stored, shown, place="body") == stored


@given(st.dictionaries(WORDS, WORDS, max_size=4), WORDS)
def test_headers_written_back_keep_their_values_and_new_ones_join(stored: dict[str, str], more: str) -> None:
    shown = mask_headers(stored)
    sent = shown | {"new": more}
    if "new" in stored or MASK in more:
        return
    assert unmask(sent, stored, shown, place="headers") == stored | {"new": more}


@given(st.text(max_size=60))
def test_no_text_is_too_odd_to_be_masked(url: str) -> None:
    mask_url(url)
    hide("some text", find_secrets(url, {"a": url}, [url]))


def test_a_mask_for_nothing_is_refused_with_its_place() -> None:
    with pytest.raises(MaskMisplaced, match=r"headers\.X"):
        unmask({"X": "***"}, {}, {}, place="headers")
    with pytest.raises(MaskMisplaced, match="url"):
        unmask("https://***@thief.example/", "https://u:p@gw.example/", "https://***@gw.example/", place="url")


def test_secrets_are_hidden_wherever_they_come_back() -> None:
    secrets = find_secrets("https://u:pa55word@h/?k=t0ken%21", {"Authorization": "Bearer abcdef"}, {"app": "appkey"})
    text = "you sent pa55word, t0ken!, t0ken%21, abcdef and appkey"
    assert hide(text, secrets) == "you sent ***, ***, ***, *** and ***"
