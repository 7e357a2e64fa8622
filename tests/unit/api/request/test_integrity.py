"""A refusal of the database says what stands and what to do, in both languages."""

import pytest

from services.api.request.chinese import in_chinese
from services.api.request.integrity import said_of


@pytest.mark.parametrize(
    ("detail", "english", "chinese"),
    [
        ("Key (username)=(wang) already exists.", "wang is there already (username): open that one, or write another",
         "已有 wang（username）：请打开已有的那个，或另写一个"),
        ('Key (area)=(140931100) is not present in table "area".',
         "area 140931100 is no longer there: reload and choose another",
         "140931100（area）已不存在：请重新载入后另选"),
        ('Key (code)=(140931100) is still referenced from table "device".',
         "140931100 is still used (device): change that first", "140931100 仍在使用（device）：请先修改使用它的内容"),
        ("something else", None, None),
    ],
)  # fmt: skip
def test_what_a_constraint_refused_is_said_with_its_cure(detail: str, english: str | None, chinese: str | None) -> None:
    assert said_of(detail) == english
    assert (english and in_chinese(english)) == chinese
