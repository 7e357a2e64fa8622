"""Runs the program behind a command: imported only then, its errors said in a line. Used by the command line."""

import gc
import importlib
import io
import json
import os
import signal
import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from services.core.errors import BadSetting, FiretowerError, leaves
from services.core.misspelt import misspelt
from services.core.settings import Settings

_OURS = frozenset({"services", "stack", "simulators", "bench", "migrations"})


def run_program(module: str, function: str, **arguments: object) -> None:
    """Import `module` and call its `function`; what it returns is the exit code."""
    _write_anything()
    leave_foreign_home(os.environ)
    os.umask(os.umask(0o022) | 0o022)  # nobody else may write into what is ours, whatever we were told
    for sentence in misspelt(os.environ):
        typer.echo(f"firetower: {sentence}", err=True)
    if os.getpid() == 1:  # in a container: the kernel keeps from the first process what it does not listen to
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        gc.disable()  # what is imported is no garbage: looking for some takes an eighth of the start
        program: Callable[..., int | None] = getattr(importlib.import_module(module), function)
        gc.freeze()  # and is not looked at again: each full collection would stop the program for 0.1 to 0.2 s
        gc.enable()
        sys.exit(program(**arguments) or 0)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        typer.echo(
            f"firetower: this release needs {error.name}, which is not installed here: run `make setup`", err=True
        )
        sys.exit(2)
    except FiretowerError as error:
        typer.echo(f"firetower: {error}", err=True)
        sys.exit(2)
    except ExceptionGroup as group:  # of tasks that run together
        told, other = group.split(FiretowerError)
        if told is None or other is not None:
            raise
        for line in sorted({str(error) for error in leaves(told)}):
            typer.echo(f"firetower: {line}", err=True)
        sys.exit(2)


def have_streams() -> None:
    """Open what a service manager or a script closed (`>&-`): the next file of ours would be standard output else."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def leave_foreign_home(environment: MutableMapping[str, str]) -> None:
    """Forget a home that we may not enter, as `sudo -E` and service managers leave one behind.

    The database driver looks there for a key, is refused, and it would look as if the database did not answer.
    """
    home = environment.get("HOME", "")
    if home and Path(home).is_dir() and not os.access(home, os.X_OK):
        del environment["HOME"]


def _write_anything() -> None:
    """Let a terminal that knows no Chinese show escapes in place of what it cannot, and end no program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def named_folder(text: str) -> Path:
    """Read an option that names a folder; a variable of a script that was never set names none."""
    if not text:
        raise typer.BadParameter("is empty; name a folder, . is the one you are in")
    return Path(text)


def named_file(text: str) -> Path:
    """Read an option that names a file; empty text names none."""
    if not text:
        raise typer.BadParameter("is empty; name a file")
    return Path(text)


def read_settings() -> Settings:
    """Read what every program takes; a bad value ends the command with one line."""
    try:
        return Settings.read()
    except BadSetting as error:
        typer.echo(f"firetower: {error}", err=True)
        sys.exit(2)


def take_database_of(environment: MutableMapping[str, str]) -> None:
    """Take the database of what runs in the state folder where no other is named, and say so on standard error."""
    if "FIRETOWER_DATABASE_URL" in environment:
        return
    path = read_settings().state_dir / "endpoints.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_text(encoding="utf-8"))["database"]
        if isinstance(found, str) and found:
            environment["FIRETOWER_DATABASE_URL"] = found
            typer.echo(f"firetower: the database is that of {path}", err=True)


StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", parser=named_folder, metavar="DIR", help="where data, logs and endpoints.json live"),
]
