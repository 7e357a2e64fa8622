"""The bench's own arithmetic."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import alarm, api, publisher
from bench.alarm import Trials, judge, percentile
from services.cli_bench import bench_app

FLOW = {  # of streams, just good enough
    "published_to_browser_p99_s": 1.0, "processes": {"api": {"cpu_cores": 0.6}}, "lost": 0,
    "changes_per_s": 475, "asked_changes_per_s": 500.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("count", "part", "value"),
    [(1, 0.5, 1), (2, 0.5, 1), (3, 0.5, 2), (100, 0.99, 99), (200, 0.99, 198), (10, 1.0, 10)],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(count: int, part: float, value: int) -> None:
    assert percentile(list(range(1, count + 1)), part) == value


def test_trials_that_never_reached_the_desk_are_counted_not_hidden() -> None:
    trials = Trials("fire.confirmed", "call point", started_s={"a": 10.0, "b": 11.0})
    judged = judge(trials, {("fire.confirmed", "a"): 10.25, ("alarm.raised", "b"): 11.1}, {})
    assert (judged["trials"], judged["reached"], judged["p50_ms"], judged["worst_ms"]) == (2, 1, 250, 250)


def test_no_answer_at_all_has_no_figures() -> None:
    assert judge(Trials("x", "y", started_s={"a": 1.0}), {}, {})["p99_ms"] is None


def test_the_stages_of_a_trial_make_up_its_whole_way() -> None:
    trials = Trials("fire.confirmed", "call point", started_s={"a": 10.0, "b": 20.0})
    moments = {"a": [10.01, 10.04, 10.05, 10.06], "b": [20.1, 20.2, 20.3, 20.4], "unheard": [1.0, 2.0, 3.0, 4.0]}
    judged = judge(trials, {("fire.confirmed", "a"): 10.07, ("fire.confirmed", "b"): 20.7}, moments)
    assert [stage["worst_ms"] for stage in judged["stages"].values()] == [100, 100, 100, 100, 300]
    assert [stage["p50_ms"] for stage in judged["stages"].values()] == [10, 30, 10, 10, 10]
    assert judged["slowest"][0] == {"device": "b", "started_s": 20.0, "stages_ms": [100, 100, 100, 100, 300]}


@pytest.mark.parametrize(
    ("figures", "found"),
    [
        ({"reached": 200, "p50_ms": 300, "p99_ms": 1000}, []),
        ({"reached": 199, "p50_ms": 300, "p99_ms": 1000}, ["call point: all of them"]),
        ({"reached": 200, "p50_ms": 301, "p99_ms": 1000}, ["call point: p50 <= 300 ms"]),
        ({"reached": 200, "p50_ms": 300, "p99_ms": 1001}, ["call point: p99 <= 1000 ms"]),
        (
            {"reached": 0, "p50_ms": None, "p99_ms": None},
            ["call point: all of them", "call point: p50 <= 300 ms", "call point: p99 <= 1000 ms"],
        ),
    ],
)
def test_an_alarm_that_comes_late_or_never_misses_its_target(figures: dict[str, Any], found: list[str]) -> None:
    other = {"what": "pressure", "trials": 200, "reached": 200, "p50_ms": 1, "p99_ms": 2}
    assert alarm.missed({"trials": [{"what": "call point", "trials": 200, **figures}, other]}) == found


@pytest.mark.parametrize(
    ("flow", "found"),
    [
        ({}, []),
        ({"published_to_browser_p99_s": 1.01}, ["published to browser p99 <= 1 s"]),
        ({"processes": {"api": {"cpu_cores": 0.61}}}, ["api <= 0.6 cores"]),
        ({"lost": 1}, ["no stream lost"]),
        ({"changes_per_s": 474}, ["changes >= 0.95 of those asked for"]),
    ],
)
def test_streams_that_are_late_lost_or_thin_miss_their_target(flow: dict[str, Any], found: list[str]) -> None:
    assert api.missed({"devices": 10_000, "reads_alone": [], "streams": FLOW | flow}) == found


def test_a_slow_read_misses_its_target_and_one_without_a_target_does_not() -> None:
    reads = [
        {"what": "map", "p95_ms": 301, "target_p95_ms": 300},
        {"what": "list", "p95_ms": 300, "target_p95_ms": 300},
        {"what": "export", "p95_ms": 9000, "target_p95_ms": None},
    ]
    assert api.missed({"devices": 10_000, "reads_alone": reads, "streams": FLOW}) == ["map"]


def test_of_few_devices_at_a_high_rate_every_browser_need_not_see_more_than_two_changes_a_second_of_each() -> None:
    def missed(changes: int) -> list[str]:
        return api.missed({"devices": 10, "reads_alone": [], "streams": FLOW | {"changes_per_s": changes}})

    assert missed(19) == []
    assert missed(18) == ["changes >= 0.95 of those asked for"]


@pytest.mark.parametrize(
    ("seconds", "begin_s", "spread_s", "fit"), [(60, 2, 55, 200), (20, 2, 15, 200), (10, 2, 6, 85), (1, 0.2, 0.6, 8)]
)
def test_the_trials_lie_within_the_background_however_short(
    seconds: float, begin_s: float, spread_s: float, fit: int
) -> None:
    assert alarm.times_of_trials(seconds, 200) == pytest.approx((begin_s, spread_s, fit))
    assert alarm.times_of_trials(seconds, 3)[2] == 3


@pytest.mark.parametrize(
    ("words", "devices", "readings"),
    [
        ([], 10_000, 200_000),
        (["--devices", "10", "--rate", "50", "--seconds", "3"], 10, 150),
        (["--rate", "0.01", "--seconds", "1"], 10_000, 1),
        (["--rate", "50", "--readings", "7"], 10_000, 7),
    ],
)
def test_the_backlog_is_what_devices_sent_while_nobody_stored(
    monkeypatch: pytest.MonkeyPatch, words: list[str], devices: int, readings: int
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("services.cli_bench.run_program", lambda *_, **given: asked.update(given))
    bench_app(["backlog", *words], standalone_mode=False)
    assert (asked["devices"], asked["readings"]) == (devices, readings)


@pytest.mark.parametrize(
    ("words", "streams", "stalled"),
    [
        ([], 300, 50),
        (["--streams", "20"], 20, 3),
        (["--streams", "1"], 1, 0),
        (["--streams", "3", "--stalled", "2"], 3, 2),
        (["--stalled", "0"], 300, 0),
    ],
)
def test_of_the_streams_a_sixth_is_stalled_unless_somebody_says_how_many(
    monkeypatch: pytest.MonkeyPatch, words: list[str], streams: int, stalled: int
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("services.cli_bench.run_program", lambda *_, **given: asked.update(given))
    bench_app(["api", *words], standalone_mode=False)
    assert (asked["streams"], asked["stalled"]) == (streams, stalled)


@pytest.mark.parametrize("words", [["--streams", "5", "--stalled", "5"], ["--stalled", "300"]])
def test_streams_of_which_none_would_read_are_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """A change is timed at streams that read; without one the run failed after it had filled its tables."""
    monkeypatch.setattr("services.cli_bench.run_program", lambda *_, **_given: pytest.fail("it ran"))
    done = CliRunner().invoke(bench_app, ["api", *words])
    assert done.exit_code == 2
    assert "--stalled" in done.output
    assert "fewer than --streams" in " ".join(done.output.split())


@pytest.mark.parametrize("name", ["", ".", "/dev/null/figures.json"])
@pytest.mark.parametrize("what", ["ingest", "alarm", "api", "backlog", "city"])
def test_figures_that_cannot_be_kept_are_refused_before_they_are_measured(
    monkeypatch: pytest.MonkeyPatch, what: str, name: str
) -> None:
    """It was seen after the minutes of the measurement, by a traceback and without the figures."""
    monkeypatch.setattr("services.cli_bench.run_program", lambda *_, **_given: pytest.fail("it ran"))
    done = CliRunner().invoke(bench_app, [what, "--json", name])
    assert done.exit_code == 2
    assert "--json" in done.output


def test_figures_go_into_a_folder_that_is_made_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("services.cli_bench.run_program", lambda *_, **given: asked.update(given))
    bench_app(["city", "--json", str(tmp_path / "new/city.json")], standalone_mode=False)
    assert asked["json_file"] == tmp_path / "new/city.json"


@pytest.mark.parametrize(("rate", "seconds", "sent"), [(1, 0.05, 1), (0.01, 0.05, 1), (20, 0.12, 3)])
async def test_a_rate_begins_with_a_message_at_once(
    monkeypatch: pytest.MonkeyPatch, rate: float, seconds: float, sent: int
) -> None:
    """`bench ingest --rate 1 --seconds 1` published nothing and asked whether ingest was running."""
    load, room = publisher.Load(), asyncio.Event()
    room.set()

    def send(messages: Sequence[object]) -> None:
        load.published += len(messages)

    link: Any = SimpleNamespace(room=room, failed=False, send=send)
    messages: Any = ["reading"] * 2
    clock = iter(number / 100 for number in range(10_000))  # each look is 10 ms after the one before
    monkeypatch.setattr(publisher, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr("bench.publisher.PACE_S", 0)
    await publisher.send_all([link], messages, load, seconds=seconds, count=None, rate=rate)
    assert load.published == sent
    assert load.worst_lag_s < 0.02
