"""What a run measured, kept where `make bench` keeps its figures."""

import json
from typing import Any

from tests.faults.reports import keep_report


def write_report(name: str, told: dict[str, Any]) -> None:
    keep_report(name, told)
    print(name, json.dumps(told))  # noqa: T201 - shown by pytest -s
