"""Runs every command of docs/api.md against the program."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from services.api.people.first_admin import FirstAdmin
from stack.children import free_port
from tests.support.servers import Program
from tests.support.waiting import PATIENCE_S

GUIDE = Path(__file__).parents[3] / "docs" / "api.md"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_every_command_of_the_guide_works(
    program: Callable[..., Program], database: str, admin: FirstAdmin, scratch: Path
) -> None:
    assert shutil.which("curl"), "the guide's commands need curl: apt-get install curl"
    port = free_port()
    api = program("api", DATABASE_URL=database, API_PORT=port)
    api.wait_ready()
    blocks = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    assert len(blocks) >= 7
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            env={"API": f"http://127.0.0.1:{port}", "KEY": admin.api_key, "PATH": "/usr/local/bin:/usr/bin:/bin"},
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, (block, done.stderr, done.stdout[-500:])
        if " -o " in block:
            assert (scratch / block.split(" -o ")[1].split()[0]).stat().st_size > 0, block
        else:
            assert done.stdout.lstrip().startswith(("{", ":", "<?xml", "code,"))
