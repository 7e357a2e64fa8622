"""The limit of open files: raised to what the system allows, and handed down to child processes."""

import subprocess
import sys

CODE = """
import resource, subprocess, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
from services.core.limits import raise_file_limit
assert raise_file_limit() == hard
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
ask = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
assert int(subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True).stdout) == hard
"""


def test_soft_limit_rises_to_the_hard_one_and_children_inherit_it() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
