"""Scenarios are data: the shipped ones play, a bad one is refused with the place and the cure."""

from pathlib import Path

import pytest

from services.core.contracts import EventType
from services.core.topics import Kind
from simulators.fleet import FleetPlan, build_twins
from simulators.places import TOWNSHIPS, place_of, site_of
from simulators.player import Player
from simulators.scenario import SHIPPED, BadScenario, Change, Scenario, find_scenario, read_scenario
from simulators.twin import Twin, change_value

START_S = 1_780_000_000.0
COUNTS = {Kind.HYDRANT: 48, Kind.ELECTRICAL: 24, Kind.WATER: 8, Kind.PANEL: 8}


def fleet_for(scenario: Scenario) -> list[Twin]:
    return build_twins(FleetPlan(COUNTS, scenario=scenario), START_S)


def write(path: Path, text: str) -> Path:
    file = path / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


SHIPPED_NAMES = [path.stem for path in sorted(SHIPPED.glob("*.toml"))]


def test_the_promised_scenarios_are_shipped() -> None:
    assert set(SHIPPED_NAMES) >= {
        "kitchen-fire", "false-alarm", "hydrant-knocked-over", "mains-burst", "freezing-night", "cable-overheating",
        "power-cut", "weekly-panel-test", "demo",
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_a_shipped_scenario_plays_on_the_default_fleet(name: str) -> None:
    scenario = read_scenario(find_scenario(Path(name)))
    cues = Player(scenario, fleet_for(scenario), seed=1).cues_of_round(0)
    played = {id(cue.step) for cue in cues}
    assert played == {id(step) for step in scenario.step}, "a step of this scenario concerns no device"
    assert all(step.event is None or step.event.type in set(EventType) for step in scenario.step)


def test_a_cue_changes_the_readings_of_its_devices_gradually_and_ends() -> None:
    scenario = read_scenario(find_scenario(Path("cable-overheating")))
    twin = next(twin for twin in fleet_for(scenario) if twin.code == "ELE-00002")
    cue = next(cue for cue in Player(Scenario(step=scenario.step), [twin], seed=1).cues_of_round(0) if cue.step.change)
    twin.effects.append(cue.effect(START_S))
    temperatures = [twin.read(START_S + at_s, START_S)["temp_b_c"] for at_s in (0, 320, 620, 1000, 1819, 1900)]
    assert temperatures[0] < temperatures[1] < temperatures[2]
    assert temperatures[2] > 80
    assert temperatures[3] > 80
    assert temperatures[5] < 60
    assert not twin.effects


def test_rounds_repeat_at_the_same_distance() -> None:
    scenario = read_scenario(find_scenario(Path("demo")))
    player = Player(scenario, fleet_for(scenario), seed=1)
    assert scenario.repeat_s is not None
    assert [cue.at_s + scenario.repeat_s for cue in player.cues_of_round(0)] == [
        cue.at_s for cue in player.cues_of_round(1)
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("step = 3", "step"),
        ("[[step]]\nat_s = 1\non = {kind = 'panel'}", "a step needs"),
        ("[[step]]\nat_s = 1\non = {}\nsilent_for_s = 3", "name a kind"),
        ("[[step]]\nat_s = 1\non = {numbers = [1]}\nsilent_for_s = 3", "numbers need a kind"),
        ("[[step]]\nat_s = 1\non = {kind = 'water'}\nchange = {pressure_mpa = {to = 1}}", "has a field pressure_mpa"),
        ("[[step]]\nat_s = 1\non = {kind = 'water'}\nchange = {level_m = {to = 1, add = 2}}", "either `to` or `add`"),
        ("repeat_s = 5\n[[step]]\nat_s = 9\non = {kind = 'water'}\nsilent_for_s = 3", "outside repeat_s"),
        ("colour = 'red'", "colour"),
        ("= =", "not TOML"),
    ],
)
def test_a_bad_scenario_is_refused_with_place_and_cure(tmp_path: Path, text: str, part: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(BadScenario) as refusal:
        read_scenario(file)
    assert str(file) in str(refusal.value)
    assert part in str(refusal.value)


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(BadScenario, match="kitchen-fire"):
        find_scenario(Path("no-such-thing"))


def test_a_fleet_too_small_for_a_scenario_is_refused() -> None:
    with pytest.raises(BadScenario, match="needs 30 of kind hydrant"):
        Player(read_scenario(find_scenario(Path("mains-burst"))), [], seed=1)


def test_a_step_for_an_area_touches_only_devices_there_that_have_the_field() -> None:
    step = {"at_s": 1, "on": {"area": "140931100"}, "change": {"pressure_mpa": {"to": 0.1}}}
    scenario = Scenario.model_validate({"step": [step]})
    cues = Player(scenario, fleet_for(scenario), seed=1).cues_of_round(0)
    assert cues
    assert {(cue.twin.kind, cue.twin.place.area) for cue in cues} == {(Kind.HYDRANT, "140931100")}


@pytest.mark.parametrize(
    ("normal", "change", "part", "value"),
    [
        (0.3, {"to": 0.1}, 0.5, 0.2),
        (0.3, {"add": -0.2}, 1.0, 0.1),
        (0, {"to": 31.0}, 1.0, 31),
        (False, {"to": True}, 0.0, True),
        (True, {"to": False}, 1.0, False),
    ],
)
def test_changes_move_a_value_by_their_part(normal: float, change: dict[str, float], part: float, value: float) -> None:
    changed = change_value(normal, Change.model_validate(change), part)
    assert changed == pytest.approx(value)
    assert type(changed) is type(value)


def test_device_numbers_always_stand_at_the_same_place_within_the_county() -> None:
    for kind in Kind:
        for number in (1, 2, 500, 20_000):
            place = place_of(kind, number, 10)
            assert place == place_of(kind, number, 10)
            assert 110.8 < place.lon < 111.5
            assert 38.6 < place.lat < 39.2
    assert {place_of(Kind.HYDRANT, number, 1).area for number in range(1, 25)} == {town.code for town in TOWNSHIPS}
    assert site_of(3).contacts[0]["phone"].startswith("000-")
