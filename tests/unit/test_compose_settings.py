"""What `.env` says reaches the programs in containers; what it leaves out is what they take by themselves."""

import re
from pathlib import Path

import pytest
import yaml

from services.core.settings import AlertsSettings, ApiSettings, GatewaySettings, IngestSettings, PushSettings

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())
OPTIONAL = re.compile(r"\$\{FIRETOWER_[A-Z_]+:-([^}]*)\}")
SETTLED_BY_COMPOSE = {"state_dir", "layers_dir", "metrics_port", "mqtt_max_connections", "log_format", "reserve_file"}
OF_OTHER_WAYS = {  # a container sees no other disk, relay is of `up`, and of the broker WATCH_CERTIFICATES tells
    ("alerts", "storage_dirs"), ("alerts", "relay_mqtt_url"), ("alerts", "relay_api_url"),
    ("alerts", "device_mqtt_url"),
}  # fmt: skip
KINDS = {
    "ingest": IngestSettings, "alerts": AlertsSettings, "push": PushSettings, "api": ApiSettings,
    "gateway": GatewaySettings,
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_every_setting_of_a_program_can_be_given_to_its_container(name):
    """What `.env` says and compose does not pass is passed over without a word."""
    passed = {variable.removeprefix("FIRETOWER_").lower() for variable in COMPOSE["services"][name]["environment"]}
    missing = set(KINDS[name].model_fields) - SETTLED_BY_COMPOSE - passed
    assert {(name, one) for one in missing} - OF_OTHER_WAYS == set()


@pytest.mark.parametrize("name", KINDS)
def test_what_nobody_gives_is_what_the_program_would_take(name, monkeypatch):
    environment = COMPOSE["services"][name]["environment"]
    optional = {key: found[1] for key, text in environment.items() if (found := OPTIONAL.fullmatch(text))}
    before = KINDS[name].read()
    for key, default in optional.items():
        monkeypatch.setenv(key, default)
    of_compose = {"watch_certificates", "trusted_proxies"}
    after = KINDS[name].read().model_dump(exclude=of_compose)
    assert after == before.model_dump(exclude=of_compose)
