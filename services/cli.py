"""`firetower …`: one thin command per program.

Called by people, the supervisor and containers. Promises: a command imports its program only when it runs.
"""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from services.cli_bench import bench_app
from services.cli_run import (
    StateDir,
    have_streams,
    named_file,
    named_folder,
    read_settings,
    run_program,
    take_database_of,
)
from services.cli_stack import stack_app, start_up
from services.core.errors import BadSetting
from services.core.secret_files import take_secret_files

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Firetower 望火楼")
app.add_typer(stack_app, name="stack")
app.add_typer(bench_app, name="bench")
audit_app = typer.Typer(no_args_is_help=True, help="The evidence: chains of transitions and their anchors.")
app.add_typer(audit_app, name="audit")


def _say_version(*, asked: bool) -> None:
    if asked:
        typer.echo(importlib.import_module("services.core.version").describe())
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda asked: _say_version(asked=asked),
            help="the release",
        ),
    ] = False,
) -> None:
    """Firetower 望火楼."""
    have_streams()
    try:
        take_secret_files(os.environ)
    except BadSetting as error:
        typer.echo(f"firetower: {error}", err=True)
        sys.exit(2)


@contextmanager
def _database_answers() -> Iterator[None]:
    """One line instead of a traceback when a command that asks the database once cannot reach it."""
    asyncpg = importlib.import_module("asyncpg")
    refused = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
    try:
        yield
    except (OSError, asyncpg.CannotConnectNowError, *refused) as error:
        cure = "what `up` runs is the `database` in endpoints.json of its state folder"
        typer.echo(f"firetower: the database of FIRETOWER_DATABASE_URL cannot be reached: {error} ({cure})", err=True)
        sys.exit(2)


@app.command()
def ingest() -> None:
    """MQTT to rows: acknowledges nothing before its commit."""
    run_program("services.ingest.main", "main")


@app.command()
def alerts() -> None:
    """Rows to alarms, clocks and dispatch."""
    run_program("services.alerts.main", "main")


@app.command()
def push() -> None:
    """Rows to the platforms that subscribed."""
    run_program("services.push.main", "main")


@app.command()
def api() -> None:
    """HTTP API and web pages."""
    run_program("services.api.main", "main")


@app.command()
def relay() -> None:
    """A township's rows to its county."""
    run_program("services.relay.main", "main")


@app.command()
def gateway() -> None:
    """GB/T 26875.3 panels over TCP to MQTT."""
    run_program("services.gateway.main", "main")


@app.command()
def desk(
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="0: any free one; default: FIRETOWER_DESK_PORT, else 8119")
    ] = None,
) -> None:
    """A stand-in for the 119 dispatch side."""
    run_program("simulators.desk", "main", port=port)


@app.command()
def simulate(  # noqa: PLR0917  typer turns each into an option
    hydrants: Annotated[int, typer.Option(min=0)] = 40,
    electrical: Annotated[int, typer.Option(min=0)] = 24,
    water: Annotated[int, typer.Option(min=0)] = 8,
    panels: Annotated[int, typer.Option(min=0)] = 8,
    wire: Annotated[str, typer.Option(help="of the panels: mqtt or gb26875 (TCP, through the gateway)")] = "mqtt",
    seed: Annotated[int, typer.Option(help="the same seed gives the same county")] = 1,
    speed: Annotated[float, typer.Option(help="times faster than life; time stamps stay the wall clock")] = 1.0,
    scenario: Annotated[Path | None, typer.Option(help="a file of what happens when")] = None,
) -> None:
    """A county's devices on a real broker (FIRETOWER_MQTT_URL with the fleet account)."""
    run_program(
        "simulators.main",
        "main",
        hydrants=hydrants,
        electrical=electrical,
        water=water,
        panels=panels,
        wire=wire,
        seed=seed,
        speed=speed,
        scenario=scenario,
    )


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    take_database_of(os.environ)
    with _database_answers():
        run_program("services.core.migrate", "main", dsn=read_settings().database_url)


@app.command()
def admin(
    new_password: Annotated[bool, typer.Option("--new-password", help="the old password and key end at once")] = False,
) -> None:
    """Make the first administrator and an API key, and print them once; or new ones when they are lost."""
    first_admin = importlib.import_module("services.api.people.first_admin")
    take_database_of(os.environ)
    dsn = read_settings().database_url
    with _database_answers():
        made = first_admin.rotate(dsn) if new_password else first_admin.ensure_admin(dsn)
    if made is None:
        typer.echo("firetower: there are people already; --new-password gives the administrator a new one", err=True)
        sys.exit(1)
    typer.echo(f"username {made.username}\npassword {made.password}\napi key  {made.api_key}")


@app.command()
def up(
    state_dir: StateDir = None,
    fleet: Annotated[bool, typer.Option("--fleet/--no-fleet", help="an account that may be every device")] = True,
) -> None:
    """The whole system in the foreground, without simulators."""
    start_up(state_dir=state_dir, fleet=fleet)


@app.command()
def demo(
    state_dir: StateDir = None,
    devices: Annotated[int, typer.Option(min=1, help="simulated devices")] = 200,
    speed: Annotated[
        float, typer.Option(min=0.1, max=10_000, help="times faster than life; time stamps stay the wall clock")
    ] = 1,
    scenario: Annotated[str, typer.Option(help="a file of what happens when, or the name of a shipped one")] = "demo",
) -> None:
    """The whole system with a simulated county and a stand-in desk."""
    start_up(state_dir=state_dir, demo=True, devices=devices, speed=speed, scenario=scenario)


@app.command()
def backtest(
    rule: Annotated[str, typer.Option(help="code of a rule, as in docs/rules.md")],
    since: Annotated[str, typer.Option("--from", help="receive time, 2026-11-23T08:00:00+08:00")],
    until: Annotated[str, typer.Option("--to")],
    values: Annotated[list[str] | None, typer.Option("--set", help="name=value, a parameter of the rule")] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="further ones")] = None,
) -> None:
    """Stored history through the live rules: what would have been raised and cleared."""
    pairs = (*(values or ()), *(more or ()))
    take_database_of(os.environ)
    with _database_answers():
        run_program("services.alerts.backtest", "main", rule=rule, since=since, until=until, values=pairs)


@app.command()
def evaluate(
    devices: Annotated[Path, typer.Option(help="code,kind,area,lon,lat,expected_interval_s,rated_current_a")],
    readings: Annotated[Path, typer.Option(help="ts,code and fields of the contract, in order of ts; .csv or .csv.gz")],
    json: Annotated[Path, typer.Option(help="where the findings are written")],
    events: Annotated[Path | None, typer.Option(help="ts,code,type,active,component,…")] = None,
) -> None:
    """Files through the live rules and the early-warning detectors; needs neither broker nor database."""
    run_program("services.alerts.evaluate", "main", devices=devices, readings=readings, json=json, events=events)


@audit_app.command("verify")
def audit_verify() -> None:
    """Recompute every alarm's hash chain and every signed anchor; exit code 1 when something does not fit.

    2: it cannot be checked, or without the key of the anchors: all but their signatures fits.
    """
    take_database_of(os.environ)
    with _database_answers():
        run_program("services.alerts.audit", "main")


_Passphrase = Annotated[
    Path | None,
    typer.Option(
        parser=named_file, metavar="FILE", help="its first line encrypts, or decrypts, everything that is kept"
    ),
]


@app.command()
def backup(
    words: Annotated[
        list[str], typer.Argument(metavar="[verify] DIR", help="where copies are kept, outside this machine")
    ],
    state_dir: StateDir = None,
    passphrase_file: _Passphrase = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Keep copies until a signal, as `up` does.")] = False,
    scratch: Annotated[
        Path | None,
        typer.Option(parser=named_folder, metavar="DIR", help="of verify: where it restores to; default: TMPDIR"),
    ] = None,
) -> None:
    """Copy the running system: base copy and continuous log. `backup verify DIR` proves that a copy restores."""
    verifying, folder = words[0] == "verify" and len(words) > 1, named_folder(words[-1])
    if len(words) != 1 + verifying or words == ["verify"]:
        typer.echo("firetower: give one folder: firetower backup DIR, or firetower backup verify DIR", err=True)
        sys.exit(2)
    if verifying:
        run_program(
            "stack.backup.command", "verify_copy", folder=folder, passphrase_file=passphrase_file, scratch=scratch
        )
    asked = importlib.import_module("stack.backup.command").Asked(folder, state_dir, passphrase_file, follow)
    with _database_answers():
        run_program("stack.backup.command", "backup", asked=asked)


@app.command()
def restore(
    folder: Annotated[
        Path, typer.Argument(parser=named_folder, metavar="DIR", help="what `firetower backup` was given")
    ],
    state_dir: Annotated[
        Path, typer.Option("--state-dir", parser=named_folder, metavar="DIR", help="a folder that does not exist yet")
    ],
    at: Annotated[str | None, typer.Option(help="2026-11-28T08:30:00+08:00; default: as late as the log goes")] = None,
    passphrase_file: _Passphrase = None,
) -> None:
    """A new state folder as the system was at a moment, here or on another machine."""
    run_program(
        "stack.backup.command",
        "restore_copy",
        folder=folder,
        state_dir=state_dir,
        at=at,
        passphrase_file=passphrase_file,
    )
