"""What a run measured, kept where `make bench` keeps its figures."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def write_report(name: str, told: dict[str, Any]) -> None:
    folder = Path(__file__).parents[3] / "reports"
    folder.mkdir(exist_ok=True)
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load": os.getloadavg(), **told}
    (folder / f"{name}.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    print(name, json.dumps(told))  # noqa: T201 - shown by pytest -s
