"""A thing has one name in Chinese: the pages call a rule's alarm what its rule and the messages call it."""

import re
from pathlib import Path

from services.core.rules.catalog import RULES

NAMES = Path(__file__).parents[2] / "services/api/web/js/words/zh-names.js"


def test_the_pages_call_an_alarm_what_its_rule_calls_it():
    shown = dict(re.findall(r'^  "code\.(\w+)": "(.+)",$', NAMES.read_text(encoding="utf-8"), re.MULTILINE))
    assert {code: shown.get(code) for code in RULES} == {code: rule.zh for code, rule in RULES.items()}
