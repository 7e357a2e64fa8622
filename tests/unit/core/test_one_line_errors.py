"""What a person who starts a program sees when it cannot: one line that names the cause, never a traceback."""

import errno
import io
import socket
import sys
import threading

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.cli_run import run_program
from services.core import metrics
from services.core.errors import BadSetting, CannotListen, FiretowerError, first_cause
from services.core.listening import listen_on
from services.core.metrics import serve_metrics
from services.core.settings import Settings
from stack import state


@pytest.fixture
def taken():
    """A port of loopback that somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_metrics_port_is_named(taken):
    with pytest.raises(CannotListen, match=f"FIRETOWER_METRICS_PORT: 127.0.0.1:{taken}"):
        serve_metrics("127.0.0.1", taken)


def test_figures_wait_for_an_address_that_this_machine_does_not_have_yet(taken, monkeypatch):
    asked = []

    def start(_port, addr):
        asked.append(addr)
        if len(asked) < 3:
            raise OSError(errno.EADDRNOTAVAIL, "not ours")
        served.set()

    served = threading.Event()
    monkeypatch.setattr(metrics, "start_http_server", start)
    serve_metrics("192.0.2.1", taken, again_s=0.01)
    assert served.wait(10)
    assert asked == ["192.0.2.1"] * 3


def test_a_taken_port_of_a_listener_is_named(taken):
    with pytest.raises(CannotListen, match=r"FIRETOWER_API_HOST, FIRETOWER_API_PORT: .*in use"):
        listen_on("127.0.0.1", taken, "FIRETOWER_API_HOST, FIRETOWER_API_PORT")


def test_a_folder_without_a_name_is_no_folder(monkeypatch):
    monkeypatch.setenv("FIRETOWER_STATE_DIR", "")
    with pytest.raises(BadSetting, match="FIRETOWER_STATE_DIR: is empty"):
        Settings.read()
    answer = CliRunner().invoke(app, ["up", "--state-dir", ""])
    assert answer.exit_code == 2
    assert "is empty" in answer.output


def test_a_file_in_place_of_a_state_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    state.clear_stale_endpoints(tmp_path / "file")
    with pytest.raises(BadSetting, match=r"--state-dir: .*file cannot be used"):
        state.StateDir.open(tmp_path / "file")


def say_fire():
    sys.stdout.write("火警 fire\n")


def test_a_terminal_without_chinese_ends_no_program(monkeypatch):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", write_through=True))
    with pytest.raises(SystemExit) as ended:
        run_program(__name__, "say_fire")
    assert ended.value.code == 0
    assert shown.getvalue() == rb"\u706b\u8b66 fire" + b"\n"


def test_our_own_error_is_the_cause_of_a_failed_group_however_deep():
    ours = FiretowerError("ours")
    group = BaseExceptionGroup("", [ValueError(), BaseExceptionGroup("", [OSError(), ours])])
    assert first_cause(group) is ours
    other = ValueError()
    assert first_cause(BaseExceptionGroup("", [other])) is other
