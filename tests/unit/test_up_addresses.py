"""Addresses that cannot be written end nothing: they are written as soon as there is room."""

import json

import pytest

from services.core.settings import AlertsSettings, ApiSettings, GatewaySettings
from stack.addresses import Addresses, EndpointsFile
from stack.programs import demo_counts, plan, plan_simulators
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


def test_a_broker_whose_address_names_no_port_has_that_of_its_scheme():
    for url, port in (("mqtts://u:p@broker", 8883), ("mqtt://u:p@broker", 1883), ("mqtts://broker:8884", 8884)):
        settings = AlertsSettings(), ApiSettings.model_construct(mqtt_url=url), GatewaySettings()
        assert Addresses.of(*settings).endpoints({})["mqtt"]["port"] == port


def test_servers_alone_name_no_api_no_login_and_no_gateway():
    told = Addresses.of(AlertsSettings(), ApiSettings(), GatewaySettings()).endpoints({}, programs=False)
    assert (told["api"], told["admin"], told["gateway"]) == (None, None, None)


def test_port_0_has_a_port_chosen_and_said(tmp_path):
    api, gateway = ApiSettings.model_construct(api_port=0), GatewaySettings.model_construct(gateway_port=0)
    addresses = Addresses.of(AlertsSettings(), api, gateway)
    given = frozenset({"FIRETOWER_API_PORT", "FIRETOWER_GATEWAY_PORT"})
    programs = {one.name: one for one in plan(addresses, StateDir.open(tmp_path), given, demo=False, relayed=False)}
    told = addresses.endpoints({})
    assert addresses.api_port
    assert programs["api"].env["FIRETOWER_API_PORT"] == str(addresses.api_port)
    assert told["api"] == f"http://127.0.0.1:{addresses.api_port}"
    assert programs["gateway"].env["FIRETOWER_GATEWAY_PORT"] == str(told["gateway"]["port"]) != "0"


def test_a_demo_has_as_many_devices_as_were_asked_for_and_of_each_kind_when_they_suffice():
    for devices in range(1, 1000):
        counts = demo_counts(devices)
        assert sum(counts.values()) == devices
        assert min(counts.values()) > 0 or devices < 4
    assert demo_counts(200) == {"hydrants": 90, "electrical": 60, "water": 30, "panels": 20}


def test_a_demo_of_one_device_simulates_one(tmp_path):
    addresses = Addresses.of(AlertsSettings(), ApiSettings(), GatewaySettings())
    addresses.mqtt_fleet = "mqtt://fleet@127.0.0.1:1"
    [fleet] = plan_simulators(addresses, StateDir.open(tmp_path), 1, 1.0, "demo")
    assert fleet.arguments[:8] == ("--hydrants", "1", "--electrical", "0", "--water", "0", "--panels", "0")


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
