"""A name in the environment that is nearly a setting is told; those of scripts and containers are left alone."""

import re
from pathlib import Path

import pytest

from services.core.misspelt import misspelt

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("given", "meant"),
    [("BACKUPDIR", "BACKUP_DIR"), ("DISPACH_URL", "DISPATCH_URL"), ("RETENTION", "RETENTION_DAYS")],
)
def test_what_is_nearly_a_setting_is_told_with_what_is_meant(given, meant):
    [told] = misspelt([f"FIRETOWER_{given}", f"FIRETOWER_{meant}", "PATH"])
    assert told == f"FIRETOWER_{given} is no setting and sets nothing: is FIRETOWER_{meant} meant?"


def test_no_name_that_our_own_files_set_is_taken_for_a_mistake():
    files = [*ROOT.glob("docker-compose*.yml"), *(ROOT / "scripts").iterdir(), *(ROOT / "deploy").rglob("*.*")]
    files += [ROOT / "stack/production.py", ROOT / "simulators/main.py"]
    names = {name for file in files for name in re.findall(r"FIRETOWER_[A-Z0-9_]+[A-Z0-9]", file.read_text())}
    assert len(names) > 50
    assert list(misspelt(names)) == []
