"""The first login of a system whose disk is full in the moment when it is made."""

import asyncio
import io
import os

import pytest

from services.api.people.first_admin import rotate_admin
from services.core import db
from stack import room
from stack.first_admin import NOBODY, Admin, find_or_make_admin, shown_login
from stack.screen import Screen
from stack.up import Options, System
from tests.support.waiting import PATIENCE_S

ADMINS = "select count(*) from person where username = 'admin' and version = 1"


@pytest.fixture
def shown():
    return io.StringIO()


@pytest.fixture
def system(tmp_path, database, shown, monkeypatch):
    monkeypatch.setattr("stack.state.unprivileged", lambda: None)
    monkeypatch.setattr(room, "EVERY_S", 0.05)
    monkeypatch.setattr(room, "FULL_BELOW_BYTES", 2**62)  # every disk is full
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", database)
    monkeypatch.setenv("FIRETOWER_MQTT_URL", "mqtt://127.0.0.1:1")
    return System(Options(state_dir=tmp_path / "state"), Screen(shown))


async def test_a_login_that_could_not_be_kept_is_kept_when_there_is_room(system, database, shown):
    in_the_way = system.state.path / f".secrets.json.{os.getpid()}"
    in_the_way.mkdir()  # no file can be written there: as good as a full disk
    starting = asyncio.create_task(
        room.when_there_is_room(
            system.ensure_admin, lambda: room.is_full(system.state.data_folders()), Screen(shown).step
        )
    )
    async with asyncio.timeout(PATIENCE_S):
        while "waiting for room on the disk" not in shown.getvalue():
            assert not starting.done()
            await asyncio.sleep(0.02)
        made = system.addresses.admin
        in_the_way.rmdir()
        await starting
    assert made != NOBODY
    assert system.addresses.admin == made, "the first login is lost: nobody knows its password"
    assert await find_or_make_admin(database, system.state, own_database=False) == made
    connection = await db.connect(database, program="test")
    assert await connection.fetchval(ADMINS) == 1
    await connection.close()


async def test_people_of_a_database_that_is_not_ours_are_left_alone(system, database, tmp_path):
    await system.ensure_admin()
    other = System(Options(state_dir=tmp_path / "other"), Screen())
    await other.ensure_admin()
    assert other.addresses.admin == NOBODY
    assert other.state.kept_secret("admin") is None
    assert isinstance(system.addresses.admin, Admin)


async def test_a_password_that_was_changed_is_no_longer_shown_as_the_login(system, database):
    await system.ensure_admin()
    made = system.addresses.admin
    assert await shown_login(database, made) == (made.username, made.password)
    await rotate_admin(database)
    name, said = await shown_login(database, made)
    assert name == made.username
    assert made.password not in said
    assert "firetower admin --new-password" in said
    assert await shown_login(database, NOBODY) == ("", "")
