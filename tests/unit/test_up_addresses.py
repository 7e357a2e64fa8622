"""Addresses that cannot be written end nothing: they are written as soon as there is room."""

import json

import pytest

from stack.screen import Screen
from stack.up import Options, System


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setattr("stack.state.unprivileged", lambda: None)
    return System(Options(state_dir=tmp_path / "state"), Screen())


async def test_addresses_that_could_not_be_written_are_written_when_there_is_room(system):
    target = system.state.path / "endpoints.json"
    target.mkdir()  # a file cannot replace a folder: as good as a full disk
    system._is_ready = True
    await system._note_endpoints()
    assert system._endpoints_stale
    target.rmdir()
    await system._note_stale_endpoints()
    assert set(json.loads(target.read_text())) >= {"mqtt", "database", "processes"}
    assert not system._endpoints_stale


async def test_before_the_system_is_ready_nobody_is_told_addresses(system):
    await system._note_endpoints()
    assert not (system.state.path / "endpoints.json").exists()
