"""`firetower …`: one thin command per program.

Called by people, the supervisor and containers. Promises: a command imports its program only when it runs.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from services.core.errors import BadSetting, FiretowerError
from services.core.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Firetower 望火楼")
stack_app = typer.Typer(no_args_is_help=True, help="The embedded PostgreSQL and mosquitto alone.")
app.add_typer(stack_app, name="stack")


def _run(module: str, function: str, **arguments: object) -> None:
    """Import `module` and call its `function`; what it returns is the exit code."""
    program: Callable[..., int | None] = getattr(importlib.import_module(module), function)
    try:
        sys.exit(program(**arguments) or 0)
    except FiretowerError as error:
        typer.echo(f"firetower: {error}", err=True)
        sys.exit(2)


def _settings() -> Settings:
    try:
        return Settings.read()
    except BadSetting as error:
        typer.echo(f"firetower: {error}", err=True)
        sys.exit(2)


@app.command()
def ingest() -> None:
    """MQTT to rows: acknowledges nothing before its commit."""
    _run("services.ingest.main", "main")


@app.command()
def alerts() -> None:
    """Rows to alarms, clocks and dispatch."""
    _run("services.alerts.main", "main")


@app.command()
def api() -> None:
    """HTTP API and web pages."""
    _run("services.api.main", "main")


@app.command()
def gateway() -> None:
    """GB/T 26875.3 panels over TCP to MQTT."""
    _run("services.gateway.main", "main")


@app.command()
def desk(port: Annotated[int, typer.Option(help="0: any free port")] = 0) -> None:
    """A stand-in for the 119 dispatch side."""
    _run("simulators.desk", "main", port=port)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    _run("services.core.migrate", "main", dsn=_settings().database_url)
