import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_openapi_document_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate-api", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
