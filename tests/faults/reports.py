"""What a fault run found, kept where `make bench` keeps its figures, with the commit and the machine it came from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.origin import origin

REPORTS = Path(__file__).parents[2] / "reports"


def keep_report(name: str, found: Mapping[str, Any]) -> None:
    """Write reports/NAME.json."""
    REPORTS.mkdir(exist_ok=True)
    text = json.dumps({**origin(), **found}, indent=1, ensure_ascii=False, default=str)
    (REPORTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
