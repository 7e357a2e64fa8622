"""`firetower bench …`: the measurements. Part of the command line."""

import os
from pathlib import Path
from typing import Annotated

import typer

from services.cli_run import named_file, run_program

bench_app = typer.Typer(no_args_is_help=True, help="Measure a system and the limits of this machine.")


def _figures_file(text: str) -> Path:
    """Read where figures go, which are there after minutes: what cannot be written is refused before."""
    path = named_file(text).absolute()
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file")
    there = next(one for one in (path, *path.parents) if one.exists())
    if not os.access(there, os.W_OK) or (there != path and not there.is_dir()):
        raise typer.BadParameter(f"{path} cannot be written: look at {there}")
    return path


_Json = Annotated[
    Path | None, typer.Option("--json", parser=_figures_file, metavar="FILE", help="write the figures here")
]
_Running = Annotated[Path | None, typer.Option(help="measure what runs there; default: a system of our own")]


@bench_app.command("ingest")
def bench_ingest(  # noqa: PLR0917  typer turns each into an option
    devices: Annotated[int, typer.Option(min=1, max=1_000_000)] = 10_000,
    rate: Annotated[float, typer.Option(min=0, help="messages a second; 0: as fast as they are acknowledged")] = 0,
    seconds: Annotated[float, typer.Option(min=1)] = 60,
    json: _Json = None,
    state_dir: _Running = None,
    whole: Annotated[bool, typer.Option(help="our own system with alerts, API and gateway, not ingest alone")] = False,
    limits: Annotated[bool, typer.Option(help="also measure mosquitto_sub and COPY")] = True,
) -> None:
    """Readings a second, publish to commit, CPU and memory, and the ratios to the machine's limits."""
    run_program(
        "bench.ingest",
        "main",
        devices=devices,
        rate=rate,
        seconds=seconds,
        json_file=json,
        state_dir=state_dir,
        whole=whole,
        limits=limits,
    )


@bench_app.command("backlog")
def bench_backlog(  # noqa: PLR0917  typer turns each into an option
    devices: Annotated[int, typer.Option(min=1, max=99_999, help="whose late readings wait")] = 10_000,
    rate: Annotated[float, typer.Option(min=0.01, help="readings a second that they sent while nobody stored")] = 2000,
    seconds: Annotated[float, typer.Option(min=1, help="for which nobody stored: rate x seconds readings wait")] = 100,
    readings: Annotated[int | None, typer.Option(min=1, help="so many wait, whatever rate and seconds say")] = None,
    events: Annotated[int, typer.Option(min=1, help="other than fires, that wait in the broker")] = 20_000,
    json: _Json = None,
) -> None:
    """Fires past a backlog of late readings, and past a flood of other events: publish to commit."""
    waiting = max(1, round(rate * seconds)) if readings is None else readings
    run_program("bench.backlog", "main", devices=devices, readings=waiting, events=events, json_file=json)


@bench_app.command("alarm")
def bench_alarm(  # noqa: PLR0917  typer turns each into an option
    devices: Annotated[int, typer.Option(min=1, max=1_000_000, help="of the background")] = 10_000,
    rate: Annotated[float, typer.Option(min=1, help="background messages a second")] = 5000,
    seconds: Annotated[float, typer.Option(min=1)] = 60,
    trials: Annotated[int, typer.Option(min=1, max=9999, help="at most, as many as fit into the seconds")] = 200,
    backup: Annotated[bool, typer.Option("--backup", help="beside base copies and the log's receiver")] = False,
    learned: Annotated[bool, typer.Option("--learned", help="early warning is taught for minutes before")] = False,
    json: _Json = None,
) -> None:
    """Call point to 119, and falling pressure to 119, under background telemetry."""
    run_program(
        "bench.alarm", "main",
        devices=devices, rate=rate, seconds=seconds, trials=trials, backup=backup, learned=learned, json_file=json,
    )  # fmt: skip


@bench_app.command("api")
def bench_api(  # noqa: PLR0917  typer turns each into an option
    devices: Annotated[int, typer.Option(min=2, max=99_999, help="the second is a hydrant")] = 10_000,
    readings: Annotated[int, typer.Option(min=1, help="stored before, as 30 days of 5-minute readings")] = 10_000_000,
    streams: Annotated[int, typer.Option(min=1)] = 300,
    stalled: Annotated[int | None, typer.Option(min=0, help="of the streams never read; default: a sixth")] = None,
    rate: Annotated[float, typer.Option(min=1, help="changes a second")] = 500,
    seconds: Annotated[float, typer.Option(min=1)] = 20,
    weeks: Annotated[int, typer.Option(min=0, max=1000, help="age of the tables, a chunk a week; 0: new ones")] = 0,
    json: _Json = None,
) -> None:
    """Lists, maps and charts, and how late a change comes to every open stream."""
    if stalled is None:
        stalled = streams // 6
    if stalled >= streams:
        message = f"must be fewer than --streams, which is {streams}: what is measured is measured at those that read"
        raise typer.BadParameter(message, param_hint="--stalled")
    run_program(
        "bench.api",
        "main",
        devices=devices,
        readings=readings,
        streams=streams,
        stalled=stalled,
        rate=rate,
        seconds=seconds,
        weeks=weeks,
        json_file=json,
    )


@bench_app.command("city")
def bench_city(
    devices: Annotated[int, typer.Option(min=2, max=99_999, help="the second is a hydrant")] = 10_000,
    readings: Annotated[int, typer.Option(min=1, help="stored before, as 30 days of 5-minute readings")] = 10_000_000,
    rate: Annotated[float, typer.Option(min=1, help="alarms a second of the burst that is pushed")] = 200,
    seconds: Annotated[float, typer.Option(min=1, help="how long it lasts")] = 60,
    json: _Json = None,
) -> None:
    """What a city platform reads through open standards, and what it is told."""
    run_program("bench.city", "main", devices=devices, readings=readings, rate=rate, seconds=seconds, json_file=json)


@bench_app.command("peers")
def bench_peers(
    devices: Annotated[int, typer.Option(min=1, max=99_999, help="hydrants")] = 2000,
    seconds: Annotated[float, typer.Option(min=1, help="flat out, for each of them")] = 20,
    rate: Annotated[float, typer.Option(min=1, help="messages a second while they are killed")] = 2000,
    json: _Json = None,
) -> None:
    """Node-RED and a plain consumer on the same broker and database: rates, and what three kills lose."""
    run_program("bench.peers.story", "main", devices=devices, seconds=seconds, rate=rate, json_file=json)


_Reports = Annotated[Path, typer.Option(help="where the report goes")]


@bench_app.command("soak")
def bench_soak(
    hours: Annotated[float, typer.Option(min=0.01)] = 2,
    rate: Annotated[float, typer.Option(min=1, help="readings a second")] = 2000,
    devices: Annotated[int, typer.Option(min=1, max=1_000_000)] = 10_000,
    streams: Annotated[int, typer.Option(min=0, help="open streams")] = 50,
    report_dir: _Reports = Path("reports"),
) -> None:
    """Hours under an ordinary load: memory, handles, connections, disk and lateness over time, with a verdict."""
    run_program("bench.soak", "main", hours=hours, rate=rate, devices=devices, streams=streams, report_dir=report_dir)


@bench_app.command("overload")
def bench_overload(
    minutes: Annotated[float, typer.Option(min=0.5)] = 30,
    rate: Annotated[float, typer.Option(min=5000, help="readings a second, ten times what is stored")] = 5000,
    devices: Annotated[int, typer.Option(min=1, max=1_000_000)] = 10_000,
    report_dir: _Reports = Path("reports"),
) -> None:
    """Ten times more than can be stored, fires between it, and the draining afterwards."""
    run_program("bench.overload", "main", minutes=minutes, rate=rate, devices=devices, report_dir=report_dir)


@bench_app.command("summary")
def bench_summary(
    reports: Annotated[Path, typer.Option(help="where runs left theirs")] = Path("reports"),
    kept: Annotated[Path, typer.Option(help="where they are kept, with the page over them")] = Path("docs/reports"),
) -> None:
    """One page over the last report of every long proof, for people who were not there."""
    run_program("bench.summary", "main", reports=reports, kept=kept)
