"""A program that a wrong setting ends says so in a line, also when one of its tasks found out."""

import asyncio
import gc
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from services.cli import app
from services.cli_run import leave_foreign_home
from services.core import program
from services.core.errors import BadSetting, Fenced, FiretowerError
from services.core.settings import Settings


async def _refused(text):
    raise BadSetting(text)


async def _broken():
    raise ZeroDivisionError


async def _together(*tasks):
    async with asyncio.TaskGroup() as outer:
        outer.create_task(_inner(tasks))


async def _inner(tasks):
    async with asyncio.TaskGroup() as inner:
        for task in tasks:
            inner.create_task(task)


def wrong_setting():
    asyncio.run(_together(_refused("MQTT_URL: no"), _refused("MQTT_URL: no")))


def wrong_program():
    asyncio.run(_together(_refused("MQTT_URL: no"), _broken()))


@pytest.fixture
def started(monkeypatch):
    """`firetower ingest`, which runs one of ours instead."""

    def start(name):
        monkeypatch.setattr("services.ingest.main.main", globals()[name])
        app(["ingest"])

    return start


def test_a_wrong_setting_that_a_task_found_is_one_line(started, capsys):
    with pytest.raises(SystemExit) as ended:
        started("wrong_setting")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "firetower: MQTT_URL: no\n"


def test_a_fault_of_ours_keeps_its_traceback(started):
    with pytest.raises(ExceptionGroup):
        started("wrong_program")


@pytest.fixture
def settings(monkeypatch):
    monkeypatch.setattr(program, "configure_log", lambda *_: None)
    before = gc.get_threshold()
    yield Settings.model_construct(log_level="info", log_format="text", metrics_host="127.0.0.1", metrics_port=None)
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("fast_loop", [True, False])
def test_a_program_that_is_told_to_end_finishes_what_it_does(settings, number, fast_loop):
    finished = []

    async def work(stopping):
        os.kill(os.getpid(), number)
        await stopping.wait()
        finished.append(True)

    program.run("some", settings, work, fast_loop=fast_loop)
    assert finished == [True]


def test_no_walk_through_all_that_a_program_keeps_holds_up_a_fire(settings):
    kept, walks = [], []

    def note(phase, about):
        if phase == "start" and about["generation"] == 2:
            walks.append(about)

    async def work(_stopping):
        kept.extend([number] for number in range(1_500_000))  # as much as ten thousand devices keep, three times

    gc.callbacks.append(note)
    try:
        program.run("some", settings, work)
    finally:
        gc.callbacks.remove(note)
    assert len(kept) == 1_500_000
    assert walks == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("fault", "ends_with"),
    [
        (asyncpg.UndefinedTableError('relation "alarm" does not exist'), FiretowerError),
        (Fenced("another one took over"), Fenced),
        (ZeroDivisionError(), ZeroDivisionError),
    ],
)
def test_a_program_ends_with_what_a_person_has_to_mend_or_with_the_fault_itself(settings, fault, ends_with, together):
    async def fail():
        raise fault

    async def work(_stopping):
        await (_together(fail()) if together else fail())

    with pytest.raises(ends_with):
        program.run("some", settings, work)


def test_verify_without_a_folder_is_no_folder_of_that_name(capsys):
    with pytest.raises(SystemExit) as ended:
        app(["backup", "verify"])
    assert ended.value.code == 2
    assert "firetower backup verify DIR" in capsys.readouterr().err


def test_a_home_that_we_may_not_enter_is_left_and_any_other_kept(monkeypatch, tmp_path):
    environment = {"HOME": str(tmp_path)}
    leave_foreign_home(environment)
    assert environment == {"HOME": str(tmp_path)}
    monkeypatch.setattr(os, "access", lambda *_: False)  # as of /root under `sudo -E -u`
    leave_foreign_home(environment)
    assert environment == {}


def test_what_is_made_is_writable_for_us_alone_whatever_the_umask(tmp_path):
    firetower = shlex.quote(str(Path(sys.executable).with_name("firetower")))
    said = f"umask 000; {firetower} stack status --state-dir {tmp_path}"
    subprocess.run(["bash", "-c", said], check=False)
    assert (tmp_path / "logs").stat().st_mode & 0o022 == 0


def test_a_command_whose_streams_were_closed_runs_all_the_same(tmp_path):
    firetower = Path(sys.executable).with_name("firetower")
    said = f"{shlex.quote(str(firetower))} stack status --state-dir {tmp_path / 'none'} <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", said], check=False).returncode == 3


def test_a_release_whose_packages_were_not_installed_says_what_to_run(tmp_path):
    """After `git pull` without `make setup`."""
    (tmp_path / "alembic.py").write_text("import of_the_next_release\n")
    command = [sys.executable, "-c", "import sys; from services.cli import app; app(['migrate'])"]
    environment = dict(os.environ) | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        "firetower: this release needs of_the_next_release, which is not installed here: run `make setup`\n"
    )
