"""Runs every command of docs/api.md against the program."""

import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from services.api.people.first_admin import FirstAdmin
from tests.support.servers import Program

GUIDE = Path(__file__).parents[3] / "docs" / "api.md"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_every_command_of_the_guide_works(
    program: Callable[..., Program], database: str, admin: FirstAdmin, scratch: Path
) -> None:
    assert shutil.which("curl"), "the guide's commands need curl: apt-get install curl"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = program("api", DATABASE_URL=database, API_PORT=port)
    api.wait_ready(60)
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
            timeout=30,
        )
        assert done.returncode == 0, (block, done.stderr, done.stdout[-500:])
        if " -o " in block:
            assert (scratch / block.split(" -o ")[1].split()[0]).stat().st_size > 0, block
        else:
            assert done.stdout.lstrip().startswith(("{", ":", "<?xml", "code,"))
