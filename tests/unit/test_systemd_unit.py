"""deploy/firetower.service starts what there is, after every kind of end, and ends it in order."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from services.cli import app

UNIT = Path(__file__).parents[2] / "deploy/firetower.service"


def settings() -> dict[str, str]:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_command_of_the_unit_is_one_of_ours() -> None:
    program, name, *options = shlex.split(settings()["ExecStart"])
    assert program.endswith("/.venv/bin/firetower")
    command = typer.main.get_group(app).commands[name]
    known = {one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)}
    assert {one for one in options if one.startswith("--")} <= known
    assert "--no-fleet" in options  # no account of a county's own server is every device


def test_the_unit_comes_back_after_whatever_ended_it_and_one_program_ends_no_other() -> None:
    unit = settings()
    assert (unit["Restart"], unit["StartLimitIntervalSec"], unit["OOMPolicy"]) == ("always", "0", "continue")
    assert unit["KillMode"] == "mixed"  # PostgreSQL would take everybody's SIGTERM as a wish to wait for its clients
    assert "time-sync.target" in unit["After"]
    assert unit["WantedBy"] == "multi-user.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_knows_every_line_of_the_unit(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/firetower/.venv/bin/firetower", "/bin/true")
    here.write_text(text.replace("User=firetower\n", ""), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    assert UNIT.name not in done.stderr, done.stderr
