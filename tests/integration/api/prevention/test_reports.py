"""The monthly report: what a month of the county's calendar held, as numbers, on paper and as a workbook."""

import io
import re
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.clock import COUNTY
from services.core.prevention import hazard as life
from services.core.prevention import ledger
from services.core.prevention.hazard import Act, By, Grade, Source
from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise

Register = Callable[..., Awaitable[dict[str, Any]]]
MONTH = "2026-03"
BEGIN = datetime(2026, 3, 1, tzinfo=COUNTY)
END = datetime(2026, 4, 1, tzinfo=COUNTY)


@pytest.fixture
async def site(client: Client) -> int:
    made = await client.post("/api/v1/sites", json={"name": "<b>学校</b>", "area": AREA})
    return int(made.json()["id"])


async def report(who: Client, query: str = f"month={MONTH}") -> dict[str, Any]:
    answer = await who.get(f"/api/v1/reports/monthly?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def fire(open_alarm: Raise, at: datetime, verdict: str, number: int, **more: Any) -> int:
    closed = {} if verdict == "pending" else {"state": "closed", "closed_at": at, "cleared_at": at}
    fields = {"fire": True, "opened_at": at, "verification": verdict, "component": f"1-{number}", **closed, **more}
    return await open_alarm(f"p-{number}", **fields)


async def test_alarms_are_counted_by_category_and_verdict_in_the_months_own_days(
    client: Client, open_alarm: Raise, site: int
) -> None:
    second = timedelta(seconds=1)
    for number, (at, verdict) in enumerate(
        [(BEGIN, "false"), (END - second, "false"), (BEGIN + second, "real"), (END - second, "test"),
         (BEGIN + second, "pending"), (BEGIN - second, "false"), (END, "real")]
    ):  # fmt: skip
        await fire(open_alarm, at, verdict, number, site_id=site)
    await open_alarm("h-1", code="hydrant_pressure_low", category="water", severity="major", opened_at=BEGIN)
    found = await report(client)
    assert (found["begin"], found["until"]) == ("2026-02-28T16:00:00.000Z", "2026-03-31T16:00:00.000Z")
    by = {one["category"]: one for one in found["alarms"]}
    assert [by[name]["total"] for name in ("fire", "water", "electrical", "device", "system")] == [5, 1, 0, 0, 0]
    assert by["fire"]["verdicts"] == {"none": 0, "pending": 1, "real": 1, "false": 2, "test": 1}
    assert (by["fire"]["critical"], by["water"]["major"]) == (5, 1)
    (of_site,) = found["false_alarms"]
    assert of_site == {
        "site": {"id": site, "name": "<b>学校</b>"}, "area": AREA, "fires": 5, "real": 1, "false": 2, "test": 1,
        "pending": 1, "false_pct": 66.667,
    }  # fmt: skip
    assert {one["name"]: one["count"] for one in found["clocks"]}["verification"] == 0


async def test_alarms_of_our_own_belong_to_the_countys_report_and_to_no_townships(
    client: Client, visit: Callable[..., Client], connection: asyncpg.Connection
) -> None:
    await connection.execute(
        """insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, updated_at)
           values ('system', 'lane_stopped', 'system', 'major', 'unacknowledged', '', '', $1, $1)""",
        BEGIN,
    )
    for areas, counted in ((["140931"], 1), ([AREA], 0)):
        made = await client.post("/api/v1/api-keys", json={"name": areas[0], "role": "viewer", "areas": areas})
        found = await report(visit(made.json()["key"]))
        assert [one["total"] for one in found["alarms"] if one["category"] == "system"] == [counted], areas
    assert sum(one["total"] for one in (await report(client))["alarms"]) == 1
    assert sum(one["total"] for one in (await report(client, f"month={MONTH}&area={AREA}"))["alarms"]) == 0


async def test_two_alarms_at_once_make_a_device_unavailable_once_and_only_inside_the_month(
    client: Client, register: Register, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    for code, kind in (("h-1", "hydrant"), ("h-2", "hydrant"), ("w-1", "water"), ("e-1", "electrical")):
        await register(code, kind=kind)
    await open_alarm("p-1", code="device_offline", opened_at=BEGIN - timedelta(days=1), cleared_at=BEGIN)  # before
    ids = {row["code"]: row["id"] for row in await connection.fetch("select id, code from device")}

    async def down(device: str, code: str, begin: datetime, end: datetime | None) -> None:
        await connection.execute(
            """insert into alarm (subject, code, category, severity, state, device_id, area, reason, reason_en,
                   opened_at, cleared_at)
               values ($1, $2, 'device', 'minor', $3, $4, $5, '原因', 'reason', $6, $7)""",
            f"device:{ids[device]}", code, "acknowledged" if end is None else "closed", ids[device], AREA, begin, end,
        )  # fmt: skip

    hour = timedelta(hours=1)
    await connection.execute("update device set created_at = $1", BEGIN - timedelta(days=90))
    await connection.execute("update device set created_at = $1 where code = 'w-1'", END - 10 * hour)
    await down("h-1", "device_offline", BEGIN - hour, BEGIN + 2 * hour)  # two hours of it count
    await down("h-1", "hydrant_pressure_low", BEGIN + hour, BEGIN + 4 * hour)  # and two more, for water
    await down("h-1", "device_offline", BEGIN + 10 * hour, BEGIN + 11 * hour)
    await down("w-1", "water_level_low", END - 5 * hour, None)  # it still stands
    await down("e-1", "device_offline", BEGIN, BEGIN + timedelta(seconds=1))
    found = await report(client)
    devices, water = ({one["kind"]: one for one in found[name]} for name in ("devices", "water"))
    assert [one["kind"] for one in found["devices"]] == ["hydrant", "electrical", "water", "panel"]
    assert {**devices["hydrant"]} == {
        "kind": "hydrant", "devices": 2, "devices_away": 1, "times": 2, "away_s": 3 * 3600,
        "available_pct": round(100 * (1 - 3 / (2 * 31 * 24)), 3),
    }  # fmt: skip
    assert devices["electrical"]["available_pct"] == 99.999, "a second is not rounded away"
    assert (devices["panel"]["available_pct"], devices["panel"]["devices_away"]) == (100, 0)
    assert (water["hydrant"]["times"], water["hydrant"]["away_s"]) == (3, 5 * 3600)
    assert (water["water"]["away_s"], water["water"]["available_pct"]) == (5 * 3600, 50)
    assert set(water) == {"hydrant", "water"}


async def test_hazards_that_came_went_and_stayed(client: Client, site: int, connection: asyncpg.Connection) -> None:
    day = timedelta(days=1)
    for grade, found_at, due, closed_at, closed_as in (
        ("major", BEGIN - day, END - day, None, None), ("major", BEGIN, END + day, None, None),
        ("general", BEGIN, None, END - day, "rectified"), ("general", BEGIN - day, None, BEGIN, "unfounded"),
        ("general", BEGIN - day, None, BEGIN - day, "rectified"), ("general", END, None, None, None),
        ("general", BEGIN, None, END, "cause_gone"),
    ):  # fmt: skip
        await connection.execute(
            """insert into hazard (site_id, code, grade, source, state, found_at, found_by, due, closed_at, closed_as,
                   updated_at)
               values ($1, 'other', $2, 'report', $3, $4, 'x', $5, $6, $7, $4)""",
            site, grade, "found" if closed_at is None else "verified", found_at, due, closed_at, closed_as,
        )  # fmt: skip
    major, general = (await report(client))["hazards"]
    zero = {"unfounded": 0, "cause_gone": 0, "supervised": 0}
    assert major == {"grade": "major", "found": 1, "rectified": 0, "open": 2, "overdue": 1} | zero
    assert general == {"grade": "general", "found": 2, "rectified": 1, "open": 1, "overdue": 0} | zero | {
        "unfounded": 1
    }


async def test_what_is_done_about_a_hazard_later_changes_no_report_of_a_month_that_is_over(
    client: Client, site: int, connection: asyncpg.Connection
) -> None:
    day = timedelta(days=1)

    async def found(at: datetime, due: datetime | None = None) -> int:
        by = By("user:a", "user:a", at)
        new = ledger.New(None, site, "other", Grade.GENERAL, Source.REPORT, owner="张三", due=due)
        made = await ledger.add(connection, by, new)
        assert made is not None
        await ledger.step(connection, made, by, Act.ASSIGN, lambda one: life.assign(one, by, None, None))
        return made

    async def step(hazard: int, at: datetime, act: Act) -> None:
        by = By("user:b", "user:b", at)
        take: dict[Act, Callable[[life.Hazard], life.Hazard]] = {
            Act.RECTIFY: lambda one: life.rectify(one, by),
            Act.VERIFY: lambda one: life.verify(one, by),
            Act.REOPEN: lambda one: life.reopen(one, by),
            Act.CHANGE: lambda one: life.change(one, {"grade": Grade.MAJOR, "due": END + 30 * day}),
        }
        await ledger.step(connection, hazard, by, act, take[act])

    async with connection.transaction():
        mended, late = await found(BEGIN), await found(BEGIN, due=END - 2 * day)
        overdue, free = await found(BEGIN, due=END - day), await found(BEGIN, due=END - day)
        nothing = By("user:b", "user:b", BEGIN + day)
        await ledger.step(connection, free, nothing, Act.CHANGE, lambda one: life.change(one, {"due": None}))
        await step(late, BEGIN + day, Act.CHANGE)  # put off
        by = By("user:b", "user:b", BEGIN + 2 * day)
        back = {"grade": Grade.GENERAL, "due": END - day}
        await ledger.step(connection, late, by, Act.CHANGE, lambda one: life.change(one, back))
        for act in (Act.RECTIFY, Act.VERIFY):
            await step(mended, BEGIN + day, act)
    await connection.execute("insert into site_risk_daily values ($1, $2, 9, 'blue', 9, 'blue', 0)", site, BEGIN.date())
    before = await report(client)
    assert before["hazards"][1] == {
        "grade": "general", "found": 4, "rectified": 1, "unfounded": 0, "cause_gone": 0, "open": 3, "overdue": 2,
        "supervised": 0,
    }  # fmt: skip
    assert before["worst"][0]["open_hazards"] == 3
    async with connection.transaction():
        await step(mended, END, Act.REOPEN)
        for put_off in (late, overdue, free):
            await step(put_off, END, Act.CHANGE)
        await step(late, END + day, Act.RECTIFY)
    after = await report(client, f"month={MONTH}&area=140931")  # not the answer that is kept some seconds
    assert (after["hazards"], after["worst"]) == (before["hazards"], before["worst"])
    (major, general) = (await report(client, "month=2026-04"))["hazards"]
    assert (major["open"], major["overdue"], general["open"], general["rectified"]) == (3, 0, 1, 0)


async def test_risk_before_and_after_what_changed_and_the_worst_ten(
    client: Client, connection: asyncpg.Connection, open_alarm: Raise
) -> None:
    sites = []
    for number in range(12):
        made = await client.post("/api/v1/sites", json={"name": f"单位 {number}", "area": AREA})
        sites.append(made.json()["id"])
    lines = [(site, date(2026, 3, 5), 10 + at, "blue") for at, site in enumerate(sites[:11])]
    lines += [(sites[0], date(2026, 2, 27), 4, "blue"), (sites[0], date(2026, 3, 31), 50, "red")]
    lines += [(sites[1], date(2026, 2, 28), 33, "orange"), (sites[11], date(2026, 4, 1), 99, "red")]
    for site, day, score, grade in lines:
        await connection.execute(
            "insert into site_risk_daily values ($1, $2, $3, $4, $3, $4, 0)", site, day, score, grade
        )
    await fire(open_alarm, BEGIN, "real", 1, site_id=sites[0])
    found = await report(client)
    risk, worst = found["risk"], found["worst"]
    assert (risk["sites"], risk["worse"], risk["better"]) == (11, 1, 1)
    assert risk["grades"] == [
        {"grade": "red", "before": 0, "after": 1}, {"grade": "orange", "before": 1, "after": 0},
        {"grade": "yellow", "before": 0, "after": 0}, {"grade": "blue", "before": 1, "after": 10},
    ]  # fmt: skip
    assert [(one["site"]["id"], one["grade_before"], one["grade"]) for one in risk["changes"]] == [
        (sites[0], "blue", "red"),
        (sites[1], "orange", "blue"),
    ]
    assert len(worst) == 10
    assert worst[0] == {
        "site": {"id": sites[0], "name": "单位 0"}, "area": AREA, "score": 50, "grade": "red", "worst_score": 50,
        "mean_score": 30, "red_days": 1, "orange_days": 0, "alarms": 1, "real_fires": 1, "open_hazards": 0,
    }  # fmt: skip
    assert [one["mean_score"] for one in worst[1:]] == [20, 19, 18, 17, 16, 15, 14, 13, 12]


async def test_a_township_reads_a_report_of_its_own_and_an_area_narrows_that_of_the_county(
    client: Client, visit: Callable[..., Client], open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    await fire(open_alarm, BEGIN, "false", 1)
    await fire(open_alarm, BEGIN, "false", 2, area=OTHER_AREA)
    await connection.execute("update device set created_at = $1", BEGIN)
    other = (await client.post("/api/v1/sites", json={"name": "邻镇", "area": OTHER_AREA})).json()["id"]
    await connection.execute(
        "insert into site_risk_daily values ($1, $2, 9, 'blue', 9, 'blue', 0)", other, BEGIN.date()
    )
    made = await client.post("/api/v1/api-keys", json={"name": "own", "role": "viewer", "areas": [AREA]})
    township = visit(made.json()["key"])

    async def seen(who: Client, query: str) -> tuple[int, int, int]:
        found = await report(who, f"month={MONTH}{query}")
        return found["alarms"][0]["total"], sum(one["devices"] for one in found["devices"]), found["risk"]["sites"]

    assert await seen(client, "") == (2, 2, 1)
    assert await seen(client, "&area=140931") == (2, 2, 1)
    assert await seen(client, f"&area={OTHER_AREA}") == (1, 1, 1)
    assert await seen(township, "") == (1, 1, 0)
    assert await seen(township, "&area=140931") == (1, 1, 0)
    assert await seen(township, f"&area={OTHER_AREA}") == (0, 0, 0)


async def test_the_present_month_goes_up_to_now_and_what_has_not_begun_is_refused(client: Client) -> None:
    now = datetime.now(UTC)
    found = await report(client, "")
    assert found["month"] == f"{now.astimezone(COUNTY):%Y-%m}"
    assert found["until"] == found["made_at"] >= f"{now:%Y-%m-%dT%H:%M:%S}"
    for month in ("2199-01", "2026-13", "2026-1", "x", ""):
        refused = await client.get(f"/api/v1/reports/monthly?month={month}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "month"), month


async def test_the_page_prints_in_either_language_and_what_people_wrote_is_text(
    client: Client, open_alarm: Raise, site: int
) -> None:
    await fire(open_alarm, BEGIN, "false", 1, site_id=site)
    for lang, title, head in (
        ("zh", "消防物联网监测月报 2026-03", "误报率（%）"),
        ("en", "Monthly report", "False (%)"),
    ):
        page = await client.get(f"/api/v1/reports/monthly.html?month={MONTH}&lang={lang}")
        assert page.status_code == 200, page.text
        assert page.headers["content-type"].startswith("text/html")
        assert title in page.text
        assert head in page.text
        assert "&lt;b&gt;学校&lt;/b&gt;" in page.text
        assert "<b>" not in page.text
        assert "<script" not in page.text
    sheet = await client.get("/static/css/report.css")
    assert "size: A4" in sheet.text


async def test_the_workbook_has_a_sheet_for_each_part_and_no_formula(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    made = await client.post("/api/v1/sites", json={"name": "=HYPERLINK(1)", "area": AREA})
    await fire(open_alarm, BEGIN, "false", 1, site_id=made.json()["id"])
    answer = await client.get(f"/api/v1/reports/monthly.xlsx?month={MONTH}")
    assert answer.status_code == 200, answer.text
    assert f'filename="report-{MONTH}.xlsx"' in answer.headers["content-disposition"]
    book = zipfile.ZipFile(io.BytesIO(answer.content))
    names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
    assert names[:3] == ["告警", "误报率", "法定时限"]
    assert len(names) == 9
    for number in range(1, 10):
        text = book.read(f"xl/worksheets/sheet{number}.xml").decode()
        assert "<f>" not in text
        assert ("=HYPERLINK(1)" in text) == (number == 2)
        assert AREA not in text  # its name


async def test_a_verdict_shows_in_the_numbers_at_once_and_the_page_takes_them(
    client: Client, open_alarm: Raise, site: int
) -> None:
    alarm = await fire(open_alarm, datetime.now(UTC), "pending", 1, site_id=site)

    async def verdicts() -> dict[str, int]:
        found = await report(client, "")
        return next(one["verdicts"] for one in found["alarms"] if one["category"] == "fire")

    page = (await client.get("/api/v1/reports/monthly.html?lang=en")).text
    assert (await verdicts())["pending"] == 1
    judged = await client.post(f"/api/v1/alarms/{alarm}/verify", json={"outcome": "real"})
    assert judged.status_code == 200, judged.text
    assert (await verdicts()) == {"none": 0, "pending": 0, "real": 1, "false": 0, "test": 0}
    assert (await client.get("/api/v1/reports/monthly.html?lang=en")).text != page
