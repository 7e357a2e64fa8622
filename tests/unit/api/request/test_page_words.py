"""What a workbook calls a thing is what the page calls it; a file is named after its days."""

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from services.api.request.attachments import attachment, days_of
from services.api.request.fields import Language
from services.api.request.page_words import name_of, names, person_name

WORDS = Path(__file__).parents[4] / "services/api/web/js/words"
NOW = datetime(2026, 11, 28, 16, 30, tzinfo=UTC)  # half past midnight of the 29th by the county's clock


@pytest.mark.parametrize("lang", Language)
def test_every_name_of_the_page_is_known(lang: Language) -> None:
    keys = re.findall(r'^  "([\w.]+)":', (WORDS / f"{lang}-names.js").read_text(encoding="utf-8"), re.MULTILINE)
    assert list(names(lang)) == keys
    assert all(names(lang).values())


def test_a_code_has_its_name_and_an_unknown_one_stays() -> None:
    assert name_of(Language.ZH, "severity", "major") == "重要"
    assert name_of(Language.EN, "code", "device_offline") == "Device offline"
    assert name_of(Language.EN, "code", "of_a_newer_release") == "of_a_newer_release"
    assert name_of(Language.ZH, "severity", None) is None


@pytest.mark.parametrize(
    ("actor", "said"),
    [("user:wang", "wang"), ("key:gis: city", "gis: city"), ("rule:fire", "规则"), ("clock", "计时"), ("", None),
     (None, None), ("odd", "odd")],
)  # fmt: skip
def test_who_did_something_is_said_as_the_page_says_it(actor: str | None, said: str | None) -> None:
    assert person_name(Language.ZH, actor) == said


def test_a_file_has_a_name_in_the_language_of_who_asked_and_one_in_ascii() -> None:
    header = attachment(("告警", "alarms"), Language.ZH, ["2026-11-22_2026-11-28"], "xlsx")["Content-Disposition"]
    assert header.isascii()
    plain, encoded = header.removeprefix("attachment; filename=").split("; filename*=UTF-8''")
    assert plain == '"alarms-2026-11-22_2026-11-28.xlsx"'
    assert unquote(encoded) == "告警-2026-11-22_2026-11-28.xlsx"
    english = attachment(("告警", "alarms"), Language.EN, [], "csv")["Content-Disposition"]
    assert english == "attachment; filename=\"alarms.csv\"; filename*=UTF-8''alarms.csv"


@pytest.mark.parametrize(
    ("begin", "end", "days"),
    [
        (datetime(2026, 11, 21, 16, tzinfo=UTC), datetime(2026, 11, 25, 16, tzinfo=UTC), "2026-11-22_2026-11-25"),
        (datetime(2026, 11, 21, 16, tzinfo=UTC), datetime(2026, 11, 22, 16, tzinfo=UTC), "2026-11-22"),
        (datetime(2026, 11, 27, tzinfo=UTC), None, "2026-11-27_2026-11-29"),
        (None, datetime(2199, 1, 1, tzinfo=UTC), "2026-11-29"),
        (None, None, "2026-11-29"),
    ],
)
def test_a_span_is_its_first_and_last_day_by_the_countys_calendar(
    begin: datetime | None, end: datetime | None, days: str
) -> None:
    assert days_of(begin, end, NOW) == [days]
