"""Addresses that cannot be written end nothing: they are written as soon as there is room."""

import json

import pytest

from services.core.settings import AlertsSettings, ApiSettings, GatewaySettings
from stack.addresses import Addresses, EndpointsFile
from stack.programs import plan
from stack.state import StateDir


@pytest.mark.parametrize(
    ("host", "reached"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("127.0.0.2", "127.0.0.2")],  # noqa: S104
)
def test_what_people_and_programs_are_told_can_be_opened(host, reached):
    settings = AlertsSettings(), ApiSettings.model_construct(api_host=host, api_port=8080), GatewaySettings()
    assert Addresses.of(*settings).api == f"http://{reached}:8080"


@pytest.mark.parametrize(
    ("host", "asked"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("10.0.0.5", "10.0.0.5")],  # noqa: S104
)
def test_figures_are_asked_for_where_they_are_served(host, asked):
    settings = AlertsSettings.model_construct(metrics_host=host), ApiSettings(), GatewaySettings()
    assert Addresses.of(*settings).metrics(9100) == f"http://{asked}:9100/metrics"


def test_disks_that_the_operator_names_are_watched_beside_our_own(tmp_path):
    settings = AlertsSettings.model_construct(storage_dirs=(tmp_path / "nas",)), ApiSettings(), GatewaySettings()
    state = StateDir.open(tmp_path / "state")
    programs = plan(Addresses.of(*settings), state, frozenset(), demo=False, relayed=False)
    [alerts] = [one for one in programs if one.name == "alerts"]
    watched = alerts.env["FIRETOWER_STORAGE_DIRS"].split(":")
    assert watched == [*map(str, state.data_folders()), str(tmp_path / "nas")]


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
