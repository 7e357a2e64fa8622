"""The state folder: secrets and ports stay, it has one owner, and a full or odd disk spoils nothing of it."""

import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.core.errors import BadSetting
from stack import control
from stack.children import port_is_free
from stack.holding import Hold, Holder, holder_of
from stack.state import StartFailed, StateDir, clear_stale_endpoints, write_private
from tests.support.servers import until
from tests.support.waiting import PATIENCE_S


def test_secrets_and_ports_are_made_once_and_private(scratch):
    state = StateDir.open(scratch / "state")
    secret, port = state.secret("a"), state.port("x")
    again = StateDir.open(scratch / "state")
    assert (again.secret("a"), again.port("x")) == (secret, port)
    assert again.secret("b") != secret
    assert stat.S_IMODE((scratch / "state/secrets.json").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_is_named(scratch):
    (scratch / "file").touch()
    with pytest.raises(BadSetting, match=rf"STATE_DIR or --state-dir: {scratch}/file/state cannot be used"):
        StateDir.open(scratch / "file/state")


def test_ports_lie_below_those_of_outgoing_connections(scratch):
    state = StateDir.open(scratch / "state")
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {state.port(f"p{number}") for number in range(20)}
    assert max(ports) < max(lowest_outgoing, 21_001)
    assert all(port_is_free(port) for port in ports)


def test_a_held_folder_cannot_be_held_twice(scratch):
    state = StateDir.open(scratch / "state")
    with state.held():
        assert state.holder() == Holder(os.getpid())
        with pytest.raises(StartFailed, match=f"in use by process {os.getpid()}"), state.held():
            pass
    assert state.holder() is None


def test_endpoints_of_a_killed_run_are_removed_those_of_a_living_one_kept(scratch):
    state = StateDir.open(scratch / "state")
    endpoints = state.path / "endpoints.json"
    endpoints.write_text("{}")
    with state.held():
        clear_stale_endpoints(state.path)
        assert endpoints.exists()
    clear_stale_endpoints(state.path)
    assert not endpoints.exists()


def test_a_pid_is_believed_only_with_the_start_of_its_process(scratch):
    hold = Hold(scratch / "supervisor.pid")
    hold.take()
    (scratch / "supervisor.pid").write_text(f"{os.getppid()}\n1\n")  # as after a reuse of the number
    assert holder_of(scratch / "supervisor.pid") == Holder(None)
    hold.release()


def test_who_only_asks_never_keeps_another_from_starting(scratch):
    path = scratch / "supervisor.pid"
    path.touch()
    with path.open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(0.05, fcntl.flock, (asking, fcntl.LOCK_UN)).start()
        assert Hold(path).take() is None


@pytest.mark.parametrize("name", ["secrets.json", "identity.json"])
def test_a_spoiled_file_is_named_and_not_replaced(name, scratch):
    state = StateDir.open(scratch / "state")
    (state.path / name).write_text('{"half')
    with pytest.raises(StartFailed, match=name):
        _ = state.secret("a"), state.identity
    assert (state.path / name).read_text() == '{"half'


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(scratch):
    file = scratch / "file"
    write_private(file, "old")
    with pytest.raises(OSError, match="File too large"), file_size_limit(100):
        write_private(file, "x" * 1000)
    assert [(path.name, path.read_text()) for path in scratch.iterdir()] == [("file", "old")]


def test_a_line_break_in_the_folders_name_is_refused(scratch):
    with pytest.raises(BadSetting, match="control characters"):
        StateDir.open(scratch / "a\nlistener 1883")


def test_a_path_that_is_too_long_for_the_servers_is_refused(scratch):
    with pytest.raises(BadSetting, match=r"bytes, and PostgreSQL .* at most 800"):
        StateDir.open(scratch.joinpath(*["d" * 200] * 5))


@pytest.mark.parametrize("command", [("up",), ("demo",), ("stack", "up"), ("stack", "down"), ("stack", "status")])
def test_a_path_that_cannot_be_looked_at_is_refused_in_one_line(command, scratch):
    folder = str(scratch / ("a" * 300))
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("firetower")), *command, "--state-dir", folder],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert f"{folder} cannot be used" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_folder_of_others_that_we_may_not_pass_is_refused_with_its_name(tmp_path, monkeypatch):
    def refuse(self, **_given):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    clear_stale_endpoints(tmp_path / "x")
    with pytest.raises(BadSetting, match="cannot be used"):
        control.status(tmp_path / "x")


def test_a_folder_in_one_that_was_removed_meanwhile_is_refused_with_its_name(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    here.rmdir()
    clear_stale_endpoints(Path(".firetower"))
    with pytest.raises(BadSetting, match="was removed"):
        StateDir.open(Path(".firetower"))


@contextmanager
def file_size_limit(size_bytes):
    """Make this process's writes fail past so many bytes, as those on a full disk do."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_log_is_cut_also_where_there_is_no_room_to_keep_its_end(scratch):
    state = StateDir.open(scratch / "state")
    state.log("ingest").write_bytes(b"old\n" * 50)
    with file_size_limit(100):
        state.bound_logs(limit_bytes=100)
    assert state.log("ingest").stat().st_size == 0


def test_a_log_is_cut_while_its_writer_goes_on(scratch):
    state = StateDir.open(scratch / "state")
    with state.log("ingest").open("ab", buffering=0) as log:
        log.write(b"old\n" * 50)
        state.bound_logs(limit_bytes=100)
        log.write(b"new\n")
    assert state.log("ingest").read_text() == "new\n"
    assert (state.path / "logs/ingest.log.1").read_text() == "old\n" * 50


def test_a_log_that_somebody_deleted_takes_no_room_unseen_and_comes_back(scratch):
    """`rm logs/*.log` is the first thing that is done on a full disk; nothing is free then, and the file grows on."""
    state = StateDir.open(scratch / "state")
    command = ["sh", "-c", "echo before; read _; echo after; read _"]
    with (
        state.log("ingest").open("ab") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, text=True) as child,
    ):
        lost = Path(f"/proc/{child.pid}/fd/1")
        until(lambda: lost.stat().st_size, what="its first line")
        state.find_lost_log("ingest", child.pid)
        assert state.log("ingest").read_text() == "before\n"
        state.log("ingest").unlink()
        child.stdin.write("\n")
        child.stdin.flush()
        until(lambda: lost.stat().st_size > len("before\n"), what="its next line")
        state.find_lost_log("ingest", child.pid)
        assert lost.stat().st_size == 0
        assert state.log("ingest").read_text() == "before\nafter\n"
        state.find_lost_log("ingest", child.pid)  # nothing came since
        child.stdin.write("\n")
    assert state.log("ingest").read_text() == "before\nafter\n"
    state.find_lost_log("ingest", child.pid)  # it has ended
