"""The servers' data: found again wherever the folder goes, used by one system at a time, deleted by people."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stack import places
from stack.children import port_is_free, spawn, unprivileged, wait_ready
from stack.mosquitto import Mosquitto
from stack.places import orphans
from stack.postgres import Postgres
from stack.prune import prune
from stack.state import StartFailed, StateDir

as_root = pytest.mark.skipif(unprivileged() is None, reason="only root starts servers as somebody else")


@pytest.fixture
def outside(scratch, monkeypatch):
    monkeypatch.setattr(places, "OUTSIDE", scratch / "outside")
    return scratch / "outside"


@pytest.fixture
def closed(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


def make_data(path):
    state = StateDir.open(path)
    with state.held():
        (state.server_dir("postgres") / "row").write_text("kept")
    return state


@as_root
def test_a_moved_folder_finds_its_data_again_and_no_other_start_deletes_it(outside, closed):
    make_data(closed / "a")
    (closed / "a").rename(closed / "b")
    make_data(closed / "other")
    moved = StateDir.open(closed / "b")
    with moved.held():
        assert (moved.server_dir("postgres") / "row").read_text() == "kept"
    assert list(orphans()) == []  # the data know where their folder is now


@as_root
def test_data_outside_stay_in_use_when_the_folder_can_be_reached_at_last(outside, closed, scratch):
    make_data(closed / "a")
    shutil.move(closed / "a", scratch / "open")
    assert (StateDir.open(scratch / "open").server_dir("postgres") / "row").read_text() == "kept"


@as_root
def test_data_inside_a_folder_that_was_closed_later_are_not_begun_anew(outside, scratch):
    folder = scratch / "way/state"
    make_data(folder)
    (scratch / "way").chmod(0o700)
    with pytest.raises(StartFailed, match=f"cannot pass {scratch}/way: chmod o"):
        StateDir.open(folder).server_dir("postgres")
    assert not outside.exists()


@as_root
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_data_of_another_users_servers_are_left_alone(mode, outside, scratch):
    folder = scratch / "state"
    data = make_data(folder).path / "postgres"
    os.chown(data, 4321, 4321)
    folder.chmod(mode)
    with pytest.raises(StartFailed, match="postgres belongs to user 4321: start as that user"):
        StateDir.open(folder).server_dir("postgres")
    assert data.stat().st_uid == 4321


@as_root
def test_data_that_are_not_where_the_link_points_are_named_and_not_begun_anew(outside, closed):
    state = make_data(closed / "a")
    base = state.path.joinpath("servers").readlink()
    base.rename(base.with_name("taken-away"))
    with pytest.raises(StartFailed, match=f"{base}, which is not there"):
        state.server_dir("postgres")


@as_root
def test_a_link_on_the_way_hides_no_closed_folder(outside, closed, scratch):
    (scratch / "link").symlink_to(closed)
    folder = StateDir.open(scratch / "link/state").server_dir("mosquitto")
    assert folder.is_relative_to(outside)


@as_root
@pytest.mark.parametrize("umask", [0o027, 0o077])
def test_under_a_strict_umask_the_servers_user_reaches_its_data(umask, outside, scratch):
    before = os.umask(umask)
    try:
        broker = Mosquitto(StateDir.open(scratch / "deep/state"))
        broker.start()
    finally:
        os.umask(before)
    broker.stop()
    postgres = StateDir.open(scratch / "deep/state").server_dir("postgres")
    who = unprivileged()
    assert subprocess.run(["test", "-w", postgres], user=who.pw_uid, group=who.pw_gid, check=False).returncode == 0


def test_a_copy_never_runs_beside_its_original_and_becomes_one_of_its_own_later(scratch):
    original = make_data(scratch / "a")
    shutil.copytree(scratch / "a", scratch / "b")
    copy = StateDir.open(scratch / "b")
    with original.held():
        with pytest.raises(StartFailed, match=f"b is a copy of {scratch}/a, which process {os.getpid()}"), copy.held():
            pass
        assert original.holder() is not None
    with copy.held(), original.held():
        assert copy.identity != original.identity


@as_root
def test_a_copy_of_the_link_alone_is_refused_while_the_original_is_there(outside, closed):
    make_data(closed / "a")
    shutil.copytree(closed / "a", closed / "b", symlinks=True)
    copy = StateDir.open(closed / "b")
    with pytest.raises(StartFailed, match=f"b is a copy of {closed}/a"), copy.held():
        pass


@pytest.mark.parametrize("server", [Postgres, Mosquitto])
def test_data_in_use_are_touched_by_no_second_server(server, scratch):
    first = server(StateDir.open(scratch / "state"))
    first.start()
    try:
        pid, port = first.process.pid, first.port
        files = {file: file.stat().st_mtime_ns for file in scratch.glob("state/*/**/*.conf")}
        second = server(StateDir.open(scratch / "state"))
        with pytest.raises(StartFailed, match=f"in use by process {os.getpid()}: nothing"):
            second.start()
        assert (first.process.poll(), first.process.pid) == (None, pid)
        assert first.is_ready()
        assert not port_is_free(port)
        assert {file: file.stat().st_mtime_ns for file in files} == files
    finally:
        first.stop()


def test_a_database_server_that_a_person_started_is_named_and_lives_on(scratch):
    postgres = Postgres(StateDir.open(scratch / "state"), durable=False)
    postgres.prepare()
    command = [postgres.binaries.program("postgres"), "-D", str(scratch / "state/postgres/data")]
    by_hand = spawn(command, log=scratch / "log", drop_root=True, env={"LC_ALL": "C.UTF-8"})
    try:
        wait_ready(by_hand, postgres.is_ready, name="PostgreSQL", log=scratch / "log")
        with pytest.raises(StartFailed, match=f"not ours: stop process {by_hand.pid}"):
            postgres.clear_wreck()
        assert by_hand.poll() is None
    finally:
        by_hand.kill()
        by_hand.wait()


@pytest.mark.parametrize("name", ['it\'s 100% "here", a b\\c', "县级 望火楼", "x" * 120])
def test_servers_start_in_a_folder_of_any_name(name, scratch):
    state = StateDir.open(scratch / name)
    broker, postgres = Mosquitto(state), Postgres(state, durable=False)
    broker.start()
    try:
        postgres.start()
        assert postgres.run_sql("firetower", "select 1").strip() == "1"
        assert (scratch / name / "mosquitto/sessions.sqlite3").exists()
    finally:
        postgres.stop()
        broker.stop()


@pytest.fixture
def orphan(outside, closed):
    state = make_data(closed / "a")
    base = Path(state.path.joinpath("servers").readlink())
    shutil.rmtree(state.path)
    return base


@as_root
def test_orphans_are_listed_and_without_a_terminal_none_is_deleted(orphan, capsys):
    assert prune() == 0
    said = capsys.readouterr().out
    assert str(orphan) in said
    assert "MiB" in said
    assert "nothing was deleted" in said
    assert (orphan / "postgres/row").exists()


@as_root
@pytest.mark.parametrize(("answer", "stays"), [("", True), ("y", True), ("yes", False)])
def test_only_a_typed_yes_deletes_an_orphan(answer, stays, orphan, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert prune(ask=lambda _: answer) == 0
    assert orphan.exists() is stays


@as_root
def test_data_that_a_system_uses_are_no_orphans_and_what_a_process_works_in_stays(orphan, closed, outside):
    make_data(closed / "used")
    with subprocess.Popen(["sleep", "60"], cwd=orphan / "postgres") as working:
        assert prune([orphan.name], yes=True) == 1
        working.kill()
    assert orphan.exists()
    assert prune([orphan.name], yes=True) == 0
    assert not orphan.exists()
    assert StateDir.open(closed / "used").server_dir("postgres").joinpath("row").exists()


@as_root
def test_no_single_flag_deletes_the_data_of_a_folder_that_was_moved_and_not_started_since(outside, closed, capsys):
    for name in ("moved", "gone"):
        make_data(closed / name)
    data = {name: Path(closed.joinpath(name, "servers").readlink()) for name in ("moved", "gone")}
    (closed / "moved").rename(closed / "new-place")
    shutil.rmtree(closed / "gone")
    make_data(closed / "moved")  # another system begun at its old place
    assert prune(yes=True) == 1
    assert "nothing was deleted: --yes deletes what is named" in capsys.readouterr().out
    assert prune([data["gone"].name, "state-mistyped"], yes=True) == 1
    assert data["gone"].exists()
    assert prune([data["gone"].name], yes=True) == 0
    assert not data["gone"].exists()
    moved = StateDir.open(closed / "new-place")
    assert (moved.server_dir("postgres") / "row").read_text() == "kept"


@as_root
def test_a_folder_that_root_copied_without_its_owners_serves_its_data(scratch):
    """`cp -r`, and what comes back from a disk or an archive that keeps neither owners nor modes."""
    first = StateDir.open(scratch / "a")
    for server in (Postgres(first, durable=False), Mosquitto(first)):
        server.start()
        server.stop()
    subprocess.run(["cp", "-r", scratch / "a", scratch / "b"], check=True)
    subprocess.run(["chmod", "-R", "a+rX", scratch / "b"], check=True)
    copy = StateDir.open(scratch / "b")
    with copy.held():
        for server in (Postgres(copy, durable=False), Mosquitto(copy)):
            server.start()
            server.stop()
    who = unprivileged()
    data = scratch / "b/postgres/data"
    assert {path.stat().st_uid for path in (data, *data.rglob("*"))} == {who.pw_uid}
    assert data.stat().st_mode & 0o077 == 0
