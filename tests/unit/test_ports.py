"""Ports for servers: each given once, and processes side by side never pick the same."""

import subprocess
import sys

from stack import children


def test_no_port_is_given_twice() -> None:
    given = [children.free_port() for _ in range(500)]
    assert len(set(given)) == len(given)


def test_each_process_has_a_share_of_its_own() -> None:
    asks = "from stack import children as c; c.share_ports(2, 5); print({c.free_port() % 5 for _ in range(50)})"
    told = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "{2}"
