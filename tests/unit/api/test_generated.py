import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_openapi_document_and_the_rule_catalogue_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate-api", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
