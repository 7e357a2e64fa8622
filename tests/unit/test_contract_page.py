"""docs/contract.md against the code, where the running system cannot be asked."""

import re
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from services.alerts.rules.events import EVENT_RULES, EVIDENCE_RULES
from services.cli import app
from services.core.alarms.codes import CODES
from services.core.alarms.policy_models import MODELS
from services.core.answers import Answer, judge_answer
from services.core.city import cloudevent
from services.core.contracts import MAX_EVENTS, MAX_PAYLOAD_BYTES, MAX_READINGS, READING_MODELS, Event, EventType
from services.core.rules.catalog import RULES
from services.core.rules.catalog_early import EARLY
from services.core.settings import AlertsSettings, ApiSettings, GatewaySettings, IngestSettings, RelaySettings
from services.core.topics import Channel, Kind
from services.core.words import Category, Confidence, NoticeType, Severity, State, Verification
from tests.support.contract_page import PAGE, part, plain, rows, words

ROOT = Path(__file__).parents[2]
COMMANDS, READINGS, BAD_INPUT, RULES_SECTION = "1. Commands", "Readings", "Bad input", "8. Default rules"
EARLY_SECTION = "11. Early warning"


def test_every_comment_that_names_the_contract_names_a_section_of_it() -> None:
    sections = set(re.findall(r"^#+ (\d+(?:\.\d+)?)[. ]", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    named = 0
    for folder in ("services", "simulators", "stack", "bench", "migrations", "tests", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".sql", ".md", ".js", ".json"} and path != PAGE:
                for section in re.findall(r"[Cc]ontract(?:'s)? (\d+(?:\.\d+)?)", path.read_text(encoding="utf-8")):
                    named += 1
                    assert section.split(".")[0] in sections, f"{path}: contract {section}"
    assert named > 50


def _commands(group: TyperGroup, before: str = "") -> dict[str, TyperCommand]:
    found: dict[str, TyperCommand] = {}
    for name, command in group.commands.items():
        found |= _commands(command, f"{name} ") if isinstance(command, TyperGroup) else {before + name: command}
    return found


def test_the_commands_are_those_of_the_program_with_their_options() -> None:
    commands = _commands(typer.main.get_group(app))
    listed = {plain(row["command"]): words(row["options"]) for row in rows(COMMANDS, "command")}
    assert listed.keys() <= commands.keys()
    for name, options in listed.items():
        known = {one for parameter in commands[name].params for one in (*parameter.opts, *parameter.secondary_opts)}
        assert set(options) <= known, name


def test_every_variable_is_read_by_a_program() -> None:
    known = {
        name.upper()
        for one in (IngestSettings, AlertsSettings, ApiSettings, GatewaySettings, RelaySettings)
        for name in one.model_fields
    }
    assert {plain(row["variable"]) for row in rows("2. Environment", "variable")} <= known


def test_the_channels_and_limits_are_those_of_the_wire() -> None:
    assert [plain(row["channel"]) for row in rows("Channels", "channel")] == list(Channel)
    text = part("Channels")
    assert f"a list of up to {MAX_READINGS}" in text
    assert f"a list of up to {MAX_EVENTS}" in text
    assert f"at most {MAX_PAYLOAD_BYTES // 1024} KiB" in text


def _range_of(kind: Kind, field: str) -> tuple[str, str]:
    shape = READING_MODELS[kind].model_json_schema()["properties"][field]
    (value,) = [one for one in shape["anyOf"] if one["type"] != "null"]
    if value["type"] == "boolean":
        return "bool", ""
    return tuple(f"{value[name]:g}" if name in value else "" for name in ("minimum", "maximum"))  # type: ignore[return-value]


def test_the_fields_of_readings_and_their_ranges_are_those_of_the_wire() -> None:
    listed = [(row["kind"], plain(row["field"]), row["from"], row["to"]) for row in rows(READINGS, "kind")]
    own = [
        (str(kind), name, *_range_of(kind, name))
        for kind, model in READING_MODELS.items()
        for name in model.model_fields
        if name not in {"ts", "seq"}
    ]
    assert listed == own


def test_the_fields_of_an_event_are_those_of_the_wire() -> None:
    assert [plain(row["field"]) for row in rows("Events", "field")] == list(Event.model_fields)


def test_the_reasons_of_rejects_are_those_that_ingest_gives() -> None:
    listed = {plain(row["reason"]) for row in rows(BAD_INPUT, "reason")}
    files = [*(ROOT / "services/ingest").glob("*.py"), ROOT / "services/core/moment.py"]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    given = set(re.findall(r'Reject\([^"]*?, "(\w+)"', sources))
    assert given <= listed
    unknown = [code for code in listed if not re.search(rf'"{code}[":]', sources)]
    assert not unknown, "reasons that nothing gives"


def _problems() -> set[tuple[str, str]]:
    """Return (code, status) of every refusal that the API's code can make."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "services/api").rglob("*.py")]
    found = [pair for text in sources for pair in re.findall(r'(?:Problem|render)\(\s*(\d{3}),\s*"(\w+)"', text)]
    return {(code, status) for status, code in found}


def test_every_error_code_can_be_answered_with_its_status() -> None:
    known = _problems() | {(one.name.lower(), str(one.value)) for one in HTTPStatus}
    for row in rows("Errors", "code"):
        assert (plain(row["code"]), row["status"]) in known, row["code"]


def test_the_words_are_those_of_the_code() -> None:
    listed = {row["field"]: words(row["values"]) for row in rows("Words", "field")}
    own = {"kind": Kind, "category": Category, "severity": Severity, "state": State}
    own |= {"confidence": Confidence, "verification": Verification}
    assert {name: listed[name] for name in own} == {name: list(kind) for name, kind in own.items()}
    assert {plain(row["type"]) for row in rows("7. Dispatch", "type")} == set(NoticeType)


def test_the_clocks_of_a_fire_are_the_defaults_of_its_policy() -> None:
    clocks = MODELS["fire_clocks"]()
    for row in rows("6. Fire: from suspicion to 119", "clock"):
        assert getattr(clocks, plain(row["policy `fire_clocks`"])) == int(row["default"])


@pytest.mark.parametrize("row", rows("7. Dispatch", "answer"), ids=lambda row: row["answer"][:3])
def test_an_answer_of_the_desk_has_the_fate_that_is_promised(row: dict[str, str]) -> None:
    for status in row["answer"].split():
        answer = Answer(None if status == "none" else int(status), {}, b"")
        assert judge_answer(answer, datetime.now(UTC)).fate == row["fate"], status


def test_the_types_that_can_be_subscribed_to_are_listed() -> None:
    assert [plain(row["type"]) for row in rows("9.3 Subscriptions", "type")] == list(cloudevent.EventType)


def test_every_rule_is_listed_with_its_severity_and_its_numbers() -> None:
    listed = {plain(row["code"]): row for row in rows(RULES_SECTION, "code")}
    early = {plain(row["code"]): row for row in rows(EARLY_SECTION, "code")}
    assert early.keys() == EARLY.keys()
    assert listed.keys() | early.keys() == RULES.keys()
    for code, row in early.items():
        assert row["severity"].split(";")[0] == RULES[code].severity, code
    for code, row in listed.items():
        assert row["severity"].split(";")[0] == RULES[code].severity, code
        told = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", f"{row['raised']} {row['cleared']}")}
        for name, parameter in RULES[code].parameters.items():
            assert name == "enabled" or parameter.default in told, f"{code}: {name} is {parameter.default:g}"


def test_every_event_type_is_listed_with_its_alarm() -> None:
    listed = {plain(row["event type"]): row for row in rows("Event types", "event type")}
    assert list(listed) == list(EventType)
    for name, row in listed.items():
        if name in EVENT_RULES:
            rule = EVENT_RULES[name]
            told = (words(row["alarm"])[0], row["severity of a panel"], row["severity otherwise"])
            assert told == (rule.code, rule.panel_severity or rule.severity, rule.severity), name
        else:
            assert row["alarm"].startswith("none"), name
            assert name == "reset" or name in EVIDENCE_RULES


def test_every_alarm_code_stands_in_one_of_the_four_tables() -> None:
    of_readings = {plain(row["code"]) for row in rows(RULES_SECTION, "code")}
    of_readings |= {plain(row["code"]) for row in rows(EARLY_SECTION, "code")}
    of_events = {words(row["alarm"])[0] for row in rows("Event types", "event type")} - {"none:"}
    of_ours = {plain(row["code"]) for row in rows("Our own health", "code")}
    assert of_readings | of_events | of_ours == set(CODES)
    assert not of_ours & (of_readings | of_events)
