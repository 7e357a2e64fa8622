"""`firetower stack …`: the embedded servers alone; and how `up` and `demo` start. Part of the command line."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from services.cli_run import StateDir, read_settings, run_program

stack_app = typer.Typer(no_args_is_help=True, help="The embedded PostgreSQL and mosquitto alone.")


def start_up(*, state_dir: Path | None, **options: object) -> None:
    """Run the system in the foreground, with all of its programs or some."""
    folder = state_dir or read_settings().state_dir
    importlib.import_module("stack.state").clear_stale_endpoints(folder)  # before the slow imports: nobody may read old
    up_module = importlib.import_module("stack.up")
    run_program("stack.up", "main", options=up_module.Options(state_dir=state_dir, **options))


@stack_app.command("up")
def stack_up(
    state_dir: StateDir = None,
    foreground: Annotated[bool, typer.Option(help="Stay, and end both servers on Ctrl-C.")] = False,
) -> None:
    """PostgreSQL and mosquitto alone, in the background until `stack down`."""
    if foreground:
        start_up(state_dir=state_dir, programs=False)
    else:
        run_program("stack.control", "up", state_dir=state_dir)


@stack_app.command("down")
def stack_down(state_dir: StateDir = None) -> None:
    """End what `up`, `demo` or `stack up` runs in this state folder."""
    run_program("stack.control", "down", state_dir=state_dir)


@stack_app.command("status")
def stack_status(state_dir: StateDir = None) -> None:
    """What runs in this state folder, and where."""
    run_program("stack.control", "status", state_dir=state_dir)


@stack_app.command("prune")
def stack_prune(
    names: Annotated[list[str] | None, typer.Argument(help="Only these: the last part of the path, state-…")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Delete those that are named without asking.")] = False,
) -> None:
    """Data of servers whose state folder is gone: listed, and deleted only when you say so."""
    run_program("stack.prune", "prune", names=names or (), yes=yes)
