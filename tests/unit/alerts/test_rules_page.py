"""docs/rules.md says what the rules' data says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_of_all_rules_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate-rules", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
