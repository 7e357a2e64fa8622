"""A tuned Node-RED flow as a contestant: installed into the cache when npm can have it, and run as it comes.

Called by `bench.peers.story`. Promises: versions are those of flow/package.json; no script of a package runs
while it is installed; nothing of it is written into the checkout.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench.peers.contestant import Contestant
from bench.peers.counting import ON_ARRIVAL, SQL, peer_settings
from bench.system import System, own_environment, services_account
from stack.binaries import cache_dirs
from stack.children import free_port

FLOW = Path(__file__).with_name("flow")
SESSION = "peer.node-red"
_INSTALL = ("install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--omit=dev")
_INSTALL_TIMEOUT_S = 600


class NotToBeHad(Exception):
    """Node-RED cannot be installed or run here; the text says why."""


def install(wanted_by: Path = FLOW) -> Path:
    """Return the folder that holds the `node_modules` of a package.json in `wanted_by`, filled at the first call.

    Raises:
        NotToBeHad: node or npm is missing, or the packages cannot be fetched.
    """
    if shutil.which("node") is None or (npm := shutil.which("npm")) is None:
        raise NotToBeHad("node and npm are not installed")
    wanted = (wanted_by / "package.json").read_text(encoding="utf-8")
    pins = json.loads(wanted)["dependencies"]
    name = "peers-" + "-".join(f"{package}-{version}" for package, version in sorted(pins.items()))
    for cache in cache_dirs():
        if (cache / name / "node_modules").is_dir():
            return cache / name
    writable = [folder for folder in cache_dirs() if _writable(folder)]
    if not writable:
        raise NotToBeHad("no cache folder can be written; name one in FIRETOWER_CACHE")
    with tempfile.TemporaryDirectory(prefix=".peers.", dir=writable[0]) as scratch:
        folder = Path(scratch) / name
        folder.mkdir()
        (folder / "package.json").write_text(wanted, encoding="utf-8")
        _run_npm(npm, folder)
        folder.rename(writable[0] / name)
    return writable[0] / name


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _run_npm(npm: str, folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            [npm, *_INSTALL], cwd=folder, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotToBeHad(f"npm did not finish within {_INSTALL_TIMEOUT_S} s") from None
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.strip()][:3]
        raise NotToBeHad(f"npm install failed ({done.returncode}): {' | '.join(last)}")


def flow_with_functions(folder: Path = FLOW) -> list[dict[str, Any]]:
    """Return the flow with the text of each function file in place of its name."""
    nodes: list[dict[str, Any]] = json.loads((folder / "flows.json").read_text(encoding="utf-8"))
    for node in nodes:
        for part in ("func", "initialize"):
            if node.get(part):
                node[part] = (folder / node[part]).read_text(encoding="utf-8")
    return nodes


def node_red(system: System) -> Contestant:
    """The flow in a user folder of its own.

    Raises:
        NotToBeHad: see `install`.
    """
    packages = install()
    user_dir = system.state_dir / "node-red"
    user_dir.mkdir(exist_ok=True)
    account = services_account(system)
    (user_dir / "flows.json").write_text(json.dumps(flow_with_functions()), encoding="utf-8")
    credentials = {"broker": {"user": account.username, "password": account.password}}
    (user_dir / "flows_cred.json").write_text(json.dumps(credentials), encoding="utf-8")
    shutil.copy(FLOW / "settings.js", user_dir)
    version = json.loads((packages / "node_modules/node-red/package.json").read_text(encoding="utf-8"))["version"]
    program = packages / "node_modules/node-red/red.js"
    return Contestant(
        name=f"Node-RED {version}",
        promise=ON_ARRIVAL,
        command=["node", str(program), "--userDir", str(user_dir), "--port", str(free_port())],
        environment={
            **own_environment(),
            **peer_settings(system),
            "NODE_PATH": str(packages / "node_modules"),
            "NODE_ENV": "production",
        },
        log=system.state_dir / "node-red.log",
        moving=SQL["peer_moving"],
        kept=SQL["peer_kept"],
        session=SESSION,
    )
