"""A thing has one name: alarms are called what their rules call them; to confirm is one thing and to take another."""

import re
from pathlib import Path

from services.core.rules.catalog import RULES

WORDS = Path(__file__).parents[2] / "services/api/web/js/words"
NAMES = WORDS / "zh-names.js"


def test_the_pages_call_an_alarm_what_its_rule_calls_it():
    shown = dict(re.findall(r'^  "code\.(\w+)": "(.+)",$', NAMES.read_text(encoding="utf-8"), re.MULTILINE))
    assert {code: shown.get(code) for code in RULES} == {code: rule.zh for code, rule in RULES.items()}


def test_to_confirm_a_fire_and_to_take_an_alarm_share_no_word():
    said = [
        line
        for table in WORDS.glob("*.js")
        for line in re.findall(r'^  "([\w.]+)": "(.+)",$', table.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    taken = [text for key, text in said if re.search(r"acknowledg|\btake", key)]
    confirmed = [text for key, text in said if key.endswith(".confirmed")]
    assert len(taken) >= 10
    assert len(confirmed) >= 4
    assert not [text for text in taken if re.search("确认|confirm", text, re.IGNORECASE)]
    assert not [text for text in confirmed if re.search("接警|taken?\\b|acknowledg", text, re.IGNORECASE)]
    pages = [text for key, text in said if key != "system.window"]  # there it is MQTT's own word
    assert not [text for text in pages if re.search("acknowledg", text, re.IGNORECASE)]
