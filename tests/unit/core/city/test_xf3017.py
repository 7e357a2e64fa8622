"""The data items of XF/T 3017: what is in them, what the brigade adds, and that the stand-in desk reads them."""

from typing import Any

import orjson
import pytest

from services.core.city.xf3017 import CODES, TABLE, read, read_codes, write

NOTICE: dict[str, Any] = {
    "notice_id": "5a0f6e5e-3c5e-4f2b-9b7c-0d6a1f2b3c4d", "type": "fire.confirmed",
    "sent_at": "2026-11-28T00:00:01.500Z", "drill": False,
    "alarm": {
        "id": 812, "code": "fire", "category": "fire", "severity": "critical", "state": "unacknowledged",
        "confidence": "confirmed", "verification": "pending", "version": 1, "area": "140931100", "zone": "门诊三层",
        "component": "1-23", "reason": "手动报警按钮", "opened_at": "2026-11-27T23:59:59.000Z",
    },
    "device": {
        "code": "p-0003", "kind": "panel", "name": "医院消防控制室", "area": "140931100",
        "location": {"lon": 111.0891234, "lat": 39.021, "datum": "WGS84"},
    },
    "site": {
        "name": "保德县人民医院", "address": "府前街 1 号", "contacts": [{"name": "王", "phone": "0350-7320119"}],
        "access_note": "",
    },
    "evidence": [{"at": "2026-11-28T00:00:00Z", "text": "按下"}],
    "nearest_water": [{"code": "h-1", "distance_m": 40}],
}  # fmt: skip


def items(**changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(write(orjson.dumps(NOTICE | changed)))
    return found


def test_a_fire_is_written_as_the_items_of_the_table() -> None:
    found = items()
    assert set(found) == {item["key"] for item in TABLE["items"]} | {"firetower"}
    assert found["XZQHDM"] == "140931"
    assert found["BJSJ"] == "20261128075959"
    assert found["RQSJ"] == "20261128080001"
    assert (found["DQJD"], found["DQWD"], found["DQGD"]) == (111.089123, 39.021, "")
    assert found["DDMC"] == "保德县人民医院 门诊三层 1-23"
    assert found["BJDH"] == "0350-7320119"
    assert found["JQ_JYQK"] == "手动报警按钮；按下"
    assert len(found["BJ_TYWYSBM"]) == 32


def test_what_the_evidence_repeats_is_said_once() -> None:
    told = [{"at": "2026-11-28T00:00:00Z", "text": text} for text in (NOTICE["alarm"]["reason"], "按下", "按下")]
    assert items(evidence=told)["JQ_JYQK"] == "手动报警按钮；按下"


def test_one_alarm_is_one_record_and_a_drill_says_so_first() -> None:
    assert items()["BJ_TYWYSBM"] == items(type="alarm.updated", drill=True)["BJ_TYWYSBM"]
    assert items(alarm=NOTICE["alarm"] | {"id": 813})["BJ_TYWYSBM"] != items()["BJ_TYWYSBM"]
    assert items(drill=True)["JQ_JYQK"].startswith("【演练】")


def test_a_device_that_is_moved_to_another_area_takes_no_fire_out_of_its_record() -> None:
    moved = items(alarm=NOTICE["alarm"] | {"area": "140931101"}, device=NOTICE["device"] | {"area": "140931101"})
    assert moved["BJ_TYWYSBM"] == items()["BJ_TYWYSBM"]
    restored = items(alarm=NOTICE["alarm"] | {"opened_at": "2026-11-27T23:59:58.000Z"})
    assert restored["BJ_TYWYSBM"] != items()["BJ_TYWYSBM"], "another county, or a database that was begun anew"


def test_a_new_fire_on_the_row_of_an_older_one_is_a_record_of_its_own() -> None:
    first, anew = NOTICE["alarm"] | {"since": None}, NOTICE["alarm"] | {"since": "2026-12-04T08:00:00.000Z"}
    assert items(alarm=first) == items() | {"firetower": items(alarm=first)["firetower"]}
    assert items(alarm=anew)["BJ_TYWYSBM"] != items()["BJ_TYWYSBM"]
    assert items(alarm=anew)["BJSJ"] == "20261204160000"
    closed = items(alarm=anew | {"state": "closed"}, type="alarm.updated")
    assert closed["BJ_TYWYSBM"] == items(alarm=anew)["BJ_TYWYSBM"]
    fault = items(alarm=anew | {"code": "mains_fault", "category": "device"})
    assert fault["BJSJ"] == items()["BJSJ"], "a fault that came back is the same record"


def test_what_is_not_known_is_empty_and_what_is_long_is_cut() -> None:
    device = NOTICE["device"] | {"location": None, "name": ""}
    bare = items(site=None, device=device, alarm=NOTICE["alarm"] | {"reason": "长" * 5000, "area": None, "zone": ""})
    assert (bare["DQJD"], bare["BJDH"], bare["JQDX_MC"]) == ("", "", "p-0003")
    assert len(bare["JQ_JYQK"]) == 1000


def test_codes_are_the_brigades_and_never_ours() -> None:
    assert {code for values in CODES.values() for code in values.values()} == {""}
    codes = read_codes(b'{"BJFSLBDM": {"": "07"}, "JQDJDM": {"critical": "1"}}')
    found = orjson.loads(write(orjson.dumps(NOTICE), codes))
    assert (found["BJFSLBDM"], found["JQDJDM"], found["JQFLYDM"]) == ("07", "1", "")


@pytest.mark.parametrize("text", ["x", "[]", '{"X": {}}', '{"JQDJDM": {"huge": "1"}}', '{"JQDJDM": 1}'])
def test_codes_that_fit_nothing_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"JQDJDM|JSON"):
        read_codes(text.encode())


def test_the_desk_reads_what_was_written_and_nothing_else() -> None:
    shown = read(items())
    assert shown is not None
    assert (shown["type"], shown["alarm"]["id"], shown["drill"]) == ("fire.confirmed", 812, False)
    assert read(NOTICE) is None
