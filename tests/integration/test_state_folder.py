"""The state folder: secrets and ports stay, it has one owner, servers reach their data even below a closed folder."""

import os
import stat
from pathlib import Path

import pytest

from services.core.errors import BadSetting
from stack.children import port_is_free, unprivileged
from stack.postgres import Postgres
from stack.state import StartFailed, StateDir, clear_stale_endpoints


def test_secrets_and_ports_are_made_once_and_private(scratch):
    state = StateDir.open(scratch / "state")
    secret, port = state.secret("a"), state.port("x")
    again = StateDir.open(scratch / "state")
    assert (again.secret("a"), again.port("x")) == (secret, port)
    assert again.secret("b") != secret
    assert stat.S_IMODE((scratch / "state/secrets.json").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_is_named(scratch):
    (scratch / "file").touch()
    with pytest.raises(BadSetting, match=rf"STATE_DIR or --state-dir: {scratch}/file/state is no folder"):
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
        assert state.holder() == os.getpid()
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


def test_a_log_is_cut_while_its_writer_goes_on(scratch):
    state = StateDir.open(scratch / "state")
    with state.log("ingest").open("ab", buffering=0) as log:
        log.write(b"old\n" * 50)
        state.bound_logs(limit_bytes=100)
        log.write(b"new\n")
    assert state.log("ingest").read_text() == "new\n"
    assert (state.path / "logs/ingest.log.1").read_text() == "old\n" * 50


@pytest.mark.skipif(unprivileged() is None, reason="only root starts servers as somebody else")
def test_below_a_closed_folder_the_servers_data_is_linked_and_removed_with_its_folder(tmp_path):
    tmp_path.chmod(0o700)
    postgres = Postgres(StateDir.open(tmp_path / "state"), durable=False)
    postgres.start()
    assert postgres.run_sql("firetower", "select 1").strip() == "1"
    postgres.stop()
    outside = (tmp_path / "state/servers").readlink()
    assert (outside / "postgres/data/PG_VERSION").exists()
    (tmp_path / "state/servers").unlink()  # as when a person deletes the state folder
    StateDir.open(tmp_path / "next").server_dir("postgres")
    assert not outside.exists()
    (tmp_path / "next/servers").unlink()
    StateDir.open(tmp_path / "last").server_dir("postgres")
