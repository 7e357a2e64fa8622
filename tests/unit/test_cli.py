"""What the command line takes, beyond what each program checks itself."""

from typing import Any

import pytest
from typer.testing import CliRunner

from services import cli

SPAN = ["--from", "2026-11-01T00:00:00+08:00", "--to", "2026-11-02T00:00:00+08:00"]


@pytest.mark.parametrize(
    "pairs",
    [["--set", "a=1", "b=2"], ["--set", "a=1", "--set", "b=2"]],
    ids=["behind one --set", "each behind its own"],
)
def test_backtest_takes_several_parameters(monkeypatch: pytest.MonkeyPatch, pairs: list[str]) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(cli, "run_program", lambda *_, **options: given.update(options))
    done = CliRunner().invoke(cli.app, ["backtest", "--rule", "battery_low", *SPAN, *pairs])
    assert (done.exit_code, given["values"]) == (0, ("a=1", "b=2")), done.output


@pytest.mark.parametrize(
    "words",
    [
        ["backup", ""],
        ["backup", "verify", ""],
        ["backup", "DIR", "--passphrase-file", ""],
        ["backup", "verify", "DIR", "--scratch", ""],
        ["restore", "", "--state-dir", "DIR"],
        ["restore", "DIR", "--state-dir", ""],
        ["restore", "DIR", "--state-dir", "DIR", "--passphrase-file", ""],
    ],
    ids=" ".join,
)
def test_a_variable_of_a_script_that_was_never_set_names_no_folder(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """`backup "$NAS"` began to keep copies in the folder where it happened to stand, and `up` went on with it."""
    monkeypatch.setattr(cli, "run_program", lambda *_, **_options: pytest.fail("it ran"))
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 2
    assert "is empty" in " ".join(done.output.split())
