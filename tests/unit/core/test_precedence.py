"""A program whose work can wait lets the others go first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
SAY = (
    "import os; from pathlib import Path; from services.core.precedence import give_way; give_way(10);"
    "group = Path('/proc/self/autogroup'); print(os.nice(0), group.read_text() if group.exists() else '')"
)


def _said(*, leads: bool) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", SAY], start_new_session=leads, capture_output=True, text=True, check=True
    )
    return ended.stdout


def test_a_process_of_its_own_session_lowers_both() -> None:
    said = _said(leads=True)
    assert said.startswith(f"{min(19, os.nice(0) + 10)} ")
    if AUTOGROUP.exists():
        assert said.rstrip().endswith("nice 10")


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel shares the processors by process")
def test_a_process_that_leads_no_session_leaves_those_beside_it_alone() -> None:
    assert _said(leads=False).rstrip().endswith(AUTOGROUP.read_text().rstrip().rpartition(" ")[2])
