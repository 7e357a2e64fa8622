"""What each long proof promises, which report it leaves, and which of its figures a buyer is shown. Pure.

Called by `bench.summary`. A proof without a report says how it is run; figures are never made up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.drawings import bars, strip

Report = Mapping[str, Any]


class Row(NamedTuple):
    """One figure; `good` is None where nothing was promised."""

    zh: str
    en: str
    figure: str
    good: bool | None = None


@dataclass(frozen=True)
class Proof:
    """One promise and where its last report is: NAME.json, or all of NAME-*.json when `many`."""

    name: str
    zh: str
    en: str
    command: str
    test: str
    read: Callable[[Report], Sequence[Row]]
    draw: Callable[[Report], Sequence[str]] = lambda _: ()
    many: bool = False


def _none(zh: str, en: str, found: Sequence[Any] | int) -> Row:
    """A row of what must be nothing."""
    count = found if isinstance(found, int) else len(found)
    return Row(zh, en, f"{count:,}", count == 0)


def _lost(acknowledged: int, missing: int) -> Row:
    return _none("已确认而丢失的读数", f"readings lost of {acknowledged:,} acknowledged", missing)


def _all(zh: str, en: str, part: int, whole: int) -> Row:
    """A row of what must be all."""
    return Row(zh, en, f"{part:,} / {whole:,}", part == whole)


def _hundred_kills(report: Report) -> list[Row]:
    [ours], notices, push, acts = report["crowds"], report["notices"], report["push"], report["acts"]
    told = notices["fire_to_desk_s"]
    return [
        Row("强杀 / 停顿 / 断线", "programs killed, held still, lines cut",
            f"{report['kills']}, {sum(report['stalls_of'].values())}, {report['wire_breaks']};"
            f" {report['seconds_under_load']:.0f} s", None),
        _lost(ours["readings_acked"], ours["acked_and_missing"]),
        _none("重复入库的读数", "readings stored twice", ours["stored_twice"]),
        _all("事件入库", "events acknowledged after their row", ours["events_acked"], ours["events_sent"]),
        _none("漏开或重复的告警", f"alarms missing or doubled of {report['alarms']['due']:,}",
              len(report["alarms"]["missing"]) + len(report["alarms"]["twice"])),
        _none("119 漏收、重收、乱序的通知", f"notices to 119 missing, doubled or out of order, of {notices['taken']:,}",
              sum(len(notices[name]) for name in ("delivered_and_not_taken", "out_of_order", "owed_and_not_told"))
              + notices["taken_twice"]),
        _none("城市平台漏收、乱序的事件", f"events to the city platform missing or out of order, of {push['taken']:,}",
              sum(len(push[name]) for name in ("delivered_and_not_taken", "out_of_order", "not_delivered"))),
        _none("处置漏记或重复", f"acts of people lost or done twice, of {acts['answered']:,}",
              len(acts["answered_and_not_done"]) + len(acts["done_twice"])),
        _none("大屏与事实不符的告警", f"alarms that a screen shows wrongly, of {report['screen']['alarms']:,}",
              report["screen"]["differs"]),
        Row("证据链核验", "chain of evidence", "完整 whole" if report["audit"]["exit_code"] == 0 else "断裂 broken",
            report["audit"]["exit_code"] == 0),
        _none("自行退出的程序", "programs that ended by themselves", report["ended_by_themselves"]),
        Row("按下手报到 119 收到（强杀中）", "call point pressed to accepted by 119, among the kills",
            f"p50 {told['p50']} s, p95 {told['p95']} s, {told['longest']} s"),
    ]  # fmt: skip


def _draw_kills(report: Report) -> list[str]:
    rows: dict[str, list[float]] = {}
    for one in report["breaks"]:
        act, _, name = one["what"].partition(" ")
        rows.setdefault(name if act == "kill" else {"hold": "held still 停顿"}.get(act, "lines 断线"), []).append(
            one["at_s"]
        )
    title = "何时强杀了谁 · who was killed when"
    return [strip(title, dict(sorted(rows.items())), report["seconds_under_load"] + report["breaks"][0]["at_s"])]


def _chaos(report: Report) -> list[Row]:
    ours = report["crowds"][0]
    return [
        Row("强杀，消息每秒", "kills; messages a second", f"{report['kills']}; {report['messages_per_s']:,}"),
        _lost(ours["readings_acked"], ours["acked_and_missing"]),
        _none("重复入库的读数", "readings stored twice", ours["stored_twice"]),
        _none("丢失的事件", f"events lost of {ours['events_sent']:,}", ours["events_missing"]),
        _none("早于入库的确认", "acknowledgements before the row", report["events_acked_before_stored"]),
    ]  # fmt: skip


def _whole_chain(report: Report) -> list[Row]:
    return [
        Row("告警，强杀", "alarms; kills", f"{report['alarms']}; {sum(report['kills'].values())}"),
        Row("119 收到的通知，各一次、按序", "notices at 119, each once and in order", f"{report['notices']:,}", True),
    ]  # fmt: skip


def _full_disk(report: Report) -> list[Row]:
    return [
        _none("丢失的读数与火警", f"lost of {report['readings']} readings and {report['fires']} fires", report["lost"]),
        Row("写满时间，共四次", "full for, four times", f"{report['full_for_s'] / 60:g} min"),
        Row("数据库进程数", "processes of the database", f"{report['databases']}"),
    ]


def _failover(report: Report) -> list[Row]:
    crowd = report["crowd"]
    return [
        Row("主库掉电次数", "times the primary lost its power", f"{len(report['kills'])}"),
        _lost(crowd["readings_acked"], crowd["acked_and_missing"]),
        Row("恢复服务 p50 / p95", "back, p50 / p95 (target 30 s)",
            f"{report['back_p50_s']:.1f} / {report['back_p95_s']:.1f} s", report["back_p95_s"] <= 30),
    ]  # fmt: skip


def _draw_failover(report: Report) -> list[str]:
    values = [(f"{number}", one["back_s"]) for number, one in enumerate(report["kills"], 1)]
    return [bars("每次恢复服务用时 · back after each loss", "s", values, target=30)]


def _backup(report: Report) -> list[Row]:
    oldest = report["oldest_missing_s_before_the_loss"]
    return [
        Row("丢失的读数", f"readings missing of {report['acked']:,} acknowledged", f"{report['acked_and_missing']:,}"),
        Row("其中最早的距故障", "the oldest of them, before the loss (promised 60 s)", f"{oldest} s", oldest <= 60),
        _all("119 收到的火警", "fires told to 119", report["fires_told"], report["fires"]),
        _none("重复的火警", "fires told by two ids", report["fires_told_by_two_ids"]),
        Row("恢复并重新服务", "restored and serving again", f"{report['restored_and_serving_s']} s"),
    ]  # fmt: skip


def _flood(report: Report) -> list[Row]:
    late, target = report["desk_ms"], report["target_ms"]
    return [
        Row("洪流旁的火警到 119", f"fires to 119 beside: {str(report['beside'])[:120]}",
            f"p50 {late['p50']} ms, p99 {late['p99']} ms", late["p99"] <= target)
    ]  # fmt: skip


def _hostile(report: Report) -> list[Row]:
    late = report["press_to_taken_s"]
    return [
        Row("恶意设置与应答", "hostile settings and answers", f"{report['deeds']:,}"),
        _none("未到 119 的火警", f"fires that never reached 119, of {report['fires']}",
              report["fires_never_at_the_desk"]),
        _none("退出的程序", "programs that ended", len(report["ended"])),
        Row("按下到 119", "pressed to 119, its refusals included", f"p50 {late['p50']:.2f} s, p99 {late['p99']:.1f} s"),
    ]  # fmt: skip


def _panels(report: Report) -> list[Row]:
    return [_all("强杀中主机火警各成一个告警", "fires of panels that are one alarm each, among kills",
                 int(report["alarms"]), int(report["fires"]))]  # fmt: skip


def _verdict(report: Report) -> list[Row]:
    return [Row("", one["what"], one["figure"], one["good"]) for one in report["verdict"]]


def _alarm(report: Report) -> list[Row]:
    rows = [Row("背景读数每秒", "readings a second beside it", f"{report['background_per_s']:,}")]
    for one in report["trials"]:
        good = one["reached"] == one["trials"] and one["p50_ms"] <= 300 and one["p99_ms"] <= 1000
        figure = f"{one['reached']} / {one['trials']}; p50 {one['p50_ms']} ms, p99 {one['p99_ms']} ms"
        rows.append(Row("", one["what"], figure, good))
    return rows


def _ingest(report: Report) -> list[Row]:
    return [
        _lost(report["acknowledged"], report["missing"]),
        Row("每秒入库", "stored a second", f"{report['stored_per_s']:,}"),
        Row("未达目标", "targets missed", ", ".join(report["missed"]) or "无 none", not report["missed"]),
    ]  # fmt: skip


def _missed(report: Report) -> list[Row]:
    return [Row("未达目标", "targets missed", ", ".join(report["missed"]) or "无 none", not report["missed"])]


PROOFS: tuple[Proof, ...] = (
    Proof("hundred-kills", "随机强杀每个程序上百次：不丢、不重、不乱序", "a hundred kills: nothing lost,"
          " nothing doubled, each notice once and in order", "make chaos", "tests/faults/chaos/test_hundred_kills.py",
          _hundred_kills, _draw_kills),
    Proof("chaos-long", "满负荷下强杀接入、消息服务和数据库", "kills of ingest, broker and database under full load",
          "make chaos", "tests/faults/chaos/test_chaos.py", _chaos),
    Proof("whole-chain", "五百个告警途中强杀", "five hundred alarms among kills", "make chaos",
          "tests/faults/alerts/test_whole_chain.py", _whole_chain),
    Proof("gateway-kills", "强杀中的消防主机（GB/T 26875.3）", "panels of GB/T 26875.3 among kills", "make chaos",
          "tests/faults/gateway/test_panels_under_kills.py", _panels),
    Proof("full-disk", "磁盘写满：不退出、不丢，火警照报", "a full disk: nothing ends, nothing is lost,"
          " fires go through", "make chaos", "tests/faults/chaos/test_full_disk.py", _full_disk),
    Proof("failover", "主数据库掉电，备库接管", "the primary database loses its power, the standby takes over",
          "make chaos", "tests/faults/ha/test_patroni.py", _failover, _draw_failover),
    Proof("backup", "整机丢失，从备份恢复到另一台", "the whole machine is lost and restored elsewhere", "make chaos",
          "tests/faults/backup/test_machine_lost_under_load.py", _backup),
    Proof("flood", "一台设备的洪流不耽误别处的火警", "the flood of one device delays no fire of another", "make chaos",
          "tests/faults/floods/test_floods.py", _flood, many=True),
    Proof("hostile", "恶意设置、数据和应答挡不住火警", "hostile settings, rows and answers stop no fire", "make chaos",
          "tests/faults/hostile/test_hostile_settings.py", _hostile),
    Proof("soak", "长时间运行，内存与句柄不涨", "hours of ordinary load: memory and handles stay flat", "make soak",
          "bench/soak.py", _verdict),
    Proof("overload", "十倍过载：内存有界，火警及时，事后排空", "ten times too much: memory bounded, fires in"
          " time, drained", "make overload", "bench/overload.py", _verdict),
    Proof("bench-alarm", "从按下手报到 119", "from the call point to 119", "firetower bench alarm", "bench/alarm.py",
          _alarm),
    Proof("bench-ingest", "读数入库的极限", "how many readings can be stored", "firetower bench ingest",
          "bench/ingest.py", _ingest),
    Proof("bench-ingest-10k", "每秒一万读数", "ten thousand readings a second", "firetower bench ingest",
          "bench/ingest.py", _ingest),
    Proof("bench-backlog", "积压之中火警先行", "fires pass a backlog", "firetower bench backlog", "bench/backlog.py",
          _missed),
    Proof("bench-api", "接口、地图与实时流", "API, map and streams", "firetower bench api", "bench/api.py", _missed),
    Proof("bench-city", "城市平台的开放接口", "open interfaces of a city platform", "firetower bench city",
          "bench/city.py", _missed),
    Proof("bench-peers", "与 Node-RED 等同机对比", "beside Node-RED and a plain consumer", "firetower bench peers",
          "bench/peers", _missed),
)  # fmt: skip
