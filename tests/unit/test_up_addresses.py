"""Addresses that cannot be written end nothing: they are written as soon as there is room."""

import json

from stack.addresses import EndpointsFile


def test_addresses_that_could_not_be_written_are_written_when_there_is_room(tmp_path):
    target = tmp_path / "endpoints.json"
    target.mkdir()  # a file cannot replace a folder: as good as a full disk
    file = EndpointsFile(target)
    file.note({"api": "http://127.0.0.1:1"})
    assert file.is_stale
    target.rmdir()
    file.note({"api": "http://127.0.0.1:2"})
    assert json.loads(target.read_text()) == {"api": "http://127.0.0.1:2"}
    assert not file.is_stale


def test_addresses_of_a_system_that_ends_are_forgotten(tmp_path):
    file = EndpointsFile(tmp_path / "endpoints.json")
    file.forget()
    file.note({})
    file.forget()
    assert not file.path.exists()
