"""`firetower simulate` refuses what it cannot do with one line that names the cure."""

from pathlib import Path

import pytest

from services.core.errors import BadSetting
from simulators.main import SimulatorSettings, main
from simulators.scenario import BadScenario


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRETOWER_LOG_LEVEL", "error")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"wire": "carrier-pigeon"}, "--wire carrier-pigeon: use mqtt or gb26875"),
        ({"speed": 0.0}, "--speed 0: use 0.01 to 10000"),
        ({"hydrants": 100_000}, "between 0 and 99999"),
    ],
)
def test_a_bad_option_ends_at_once_with_one_line(options: dict[str, float], part: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        main(**options)  # type: ignore[arg-type]
    assert part in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_unknown_scenario_names_the_shipped_ones() -> None:
    with pytest.raises(BadScenario, match="mains-burst"):
        main(scenario=Path("earthquake"))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRETOWER_OWN_ACCOUNTS", "7")
    monkeypatch.setenv("FIRETOWER_TRUTH_FILE", "")
    settings = SimulatorSettings.read()
    assert settings.own_accounts == 7
    assert settings.truth_file is None
    monkeypatch.setenv("FIRETOWER_OWN_ACCOUNTS", "many")
    with pytest.raises(BadSetting, match="FIRETOWER_OWN_ACCOUNTS"):
        SimulatorSettings.read()
