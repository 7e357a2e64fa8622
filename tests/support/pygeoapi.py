"""pygeoapi as somebody else runs it: in an environment of its own, in front of our SensorThings interface.

Its 40 packages are installed into the cache at the first call. Nothing of it is written into the checkout.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from stack.binaries import cache_dirs

VERSION = "0.21.0"
ENTITIES = ("Things", "Datastreams", "Observations", "ObservedProperties")
_RUN = "from pygeoapi import cli; cli()"
_INSTALL_TIMEOUT_S = 600


class NotToBeHad(Exception):
    """It cannot be installed here; the text says why."""


def install() -> Path:
    """Return the Python that has pygeoapi.

    Raises:
        NotToBeHad: no folder can be written, or the packages cannot be fetched.
    """
    name = f"pygeoapi-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
    for cache in cache_dirs():
        if (cache / name / "ready").exists():
            return cache / name / "bin" / "python"
    writable = next((one for one in cache_dirs() if one.is_dir() and os.access(one, os.W_OK)), None)
    if writable is None:
        raise NotToBeHad("no cache folder can be written; name one in FIRETOWER_CACHE")
    folder = writable / name
    python = folder / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", f"pygeoapi=={VERSION}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise NotToBeHad(f"{' '.join(command[1:4])} failed: {done.stderr.strip()[-300:]}")
    (folder / "ready").touch()
    return python


def start(python: Path, folder: Path, port: int, sensorthings: str) -> "subprocess.Popen[bytes]":
    """Start pygeoapi over the SensorThings interface at this address, which holds the key."""
    config, openapi = folder / "config.yml", folder / "openapi.yml"
    config.write_text(yaml.safe_dump(_config(port, sensorthings)), encoding="utf-8")
    environment = os.environ | {
        "PYGEOAPI_CONFIG": str(config),
        "PYGEOAPI_OPENAPI": str(openapi),
        "NO_PROXY": "127.0.0.1",
    }
    command = [str(python), "-c", _RUN]
    generate = [*command, "openapi", "generate", str(config), "--output-file", str(openapi)]
    subprocess.run(generate, env=environment, check=True, capture_output=True, timeout=120)
    log = (folder / "pygeoapi.log").open("wb")
    with log:
        return subprocess.Popen([*command, "serve"], env=environment, stdout=log, stderr=log)


def _config(port: int, sensorthings: str) -> dict[str, Any]:
    nobody = dict.fromkeys(
        ("name", "position", "address", "city", "stateorprovince", "postalcode", "country", "phone", "fax", "email",
         "hours", "instructions", "role"), "x"
    )  # fmt: skip
    place = {"url": "http://pygeoapi.test"}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": f"http://127.0.0.1:{port}",
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 100},
            "map": {"url": "http://tiles.test", "attribution": "x"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": "x", "description": "x", "keywords": ["x"], "keywords_type": "theme", "terms_of_service": "x",
            } | place,
            "license": {"name": "x"} | place,
            "provider": {"name": "x"} | place,
            "contact": nobody | place,
        },
        "resources": {entity.lower(): _resource(entity, sensorthings) for entity in ENTITIES},
    }  # fmt: skip


def _resource(entity: str, sensorthings: str) -> dict[str, Any]:
    provider = {"type": "feature", "name": "SensorThings", "data": sensorthings, "entity": entity}
    crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    return {
        "type": "collection",
        "title": entity,
        "description": entity,
        "keywords": ["fire"],
        "links": [],
        "extents": {"spatial": {"bbox": [110.9, 38.7, 111.3, 39.1], "crs": crs}},
        "providers": [provider | ({"time_field": "phenomenonTime"} if entity == "Observations" else {})],
    }
