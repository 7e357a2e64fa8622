"""A program that a wrong setting ends says so in a line, also when one of its tasks found out."""

import asyncio

import pytest

from services.cli import app
from services.core.errors import BadSetting


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
