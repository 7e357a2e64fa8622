from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.push.browser_words import tell_fires, tell_greeting

AT = datetime(2026, 11, 29, 8, tzinfo=UTC)


def fire(number: int, **more: Any) -> dict[str, Any]:
    alarm = {"zone": "3 楼", "component": f"1-{number}", "drill": False, "test_window": False}
    return {
        "number": number, "alarm_id": number, "at": AT, "site_name": "保德县人民医院", "area_name": "东关镇",
        "device_name": "保德县人民医院 1 号主机", "code": "UTD-1", "alarm": alarm | more,
    }  # fmt: skip


@pytest.mark.parametrize(("language", "title"), [("zh", "新火警：保德县人民医院"), ("en", "New fire: 保德县人民医院")])
def test_a_fire_names_its_site_and_component_and_where_a_press_leads(language: str, title: str) -> None:
    told = orjson.loads(tell_fires([fire(17)], language))
    assert told["title"] == title
    assert told["body"] == "3 楼 1-17 · 1 号主机 · 东关镇"
    assert (told["tag"], told["path"], told["stays"]) == ("alarm-17", "desk/17", True)


def test_fires_that_come_together_are_one_message_that_counts_them() -> None:
    told = orjson.loads(tell_fires([fire(number) for number in range(1, 6)], "zh"))
    assert told["title"] == "5 起新火警"
    assert "另有 2 起" in told["body"]
    assert told["path"] == "desk/1"


def test_a_drill_is_marked_only_when_all_of_it_is_one() -> None:
    assert orjson.loads(tell_fires([fire(1, drill=True)], "zh"))["title"].startswith("【演练】")
    assert orjson.loads(tell_fires([fire(1, test_window=True)], "en"))["title"].startswith("[Test] ")
    assert orjson.loads(tell_fires([fire(1, drill=True), fire(2)], "zh"))["title"] == "2 起新火警"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_message_fits_what_every_push_service_takes(language: str) -> None:
    long = fire(1) | {"site_name": "名" * 5000, "device_name": "名" * 5000, "area_name": "名" * 5000}
    assert len(tell_fires([long] * 50, language)) < 3000
    assert orjson.loads(tell_greeting(language))["stays"] is False
