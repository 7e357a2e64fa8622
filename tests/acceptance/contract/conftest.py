import asyncio
import base64
import json
import os
import secrets
import shutil
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import paho.mqtt.client as mqtt
import pytest

from stack import children
from tests.acceptance.contract.system import Desk, System, wait_for
from tests.support.waiting import PATIENCE_S

STATE_FILES = "endpoints.json"


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`firetower up` in a fresh state folder, with a desk of the test."""
    state = tmp_path_factory.mktemp("state")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    desk = Desk(secret)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FIRETOWER_")}
    environment |= {"FIRETOWER_DISPATCH_URL": desk.url, "FIRETOWER_DISPATCH_SECRET": secret}
    environment["FIRETOWER_SUBSCRIPTION_NETWORKS"] = "127.0.0.0/8"  # a platform of the test
    log = state.parent / "up.log"
    program = str(Path(sys.executable).with_name("firetower"))
    command = [program, "up", "--state-dir", str(state)]
    child = children.spawn(command, log=log, env=environment, on_parent_death=signal.SIGTERM)
    try:

        def ready() -> bool:
            assert child.poll() is None, log.read_text(errors="replace")[-4000:]
            return (state / STATE_FILES).exists()

        wait_for(ready, "endpoints.json", 3 * PATIENCE_S)
        endpoints = json.loads((state / STATE_FILES).read_text())
        fleet = endpoints["mqtt"]["fleet"]
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"test.{uuid.uuid4()}", protocol=mqtt.MQTTv5)
        client.username_pw_set(fleet["username"], fleet["password"])
        loop = asyncio.new_event_loop()
        headers = {"Authorization": f"Bearer {endpoints['admin']['api_key']}"}
        http = httpx2.Client(base_url=endpoints["api"], headers=headers, timeout=PATIENCE_S)
        running = System(endpoints, desk, client, http, loop)
        client.on_message = lambda _c, _u, m: running.acks.append((m.topic, json.loads(m.payload)["event_ids"]))
        client.connect(endpoints["mqtt"]["host"], endpoints["mqtt"]["port"])
        client.loop_start()
        wait_for(client.is_connected, "the broker")
        client.subscribe("fire/v1/+/+/+/down/ack", qos=1)
        yield running
        client.disconnect()
        client.loop_stop()
        http.close()
        loop.close()
    finally:
        child.terminate()
        child.wait(PATIENCE_S)
        servers = state / "servers"  # a link, where root's servers cannot pass pytest's closed folder
        if servers.is_symlink():
            shutil.rmtree(servers.resolve(), ignore_errors=True)
        desk.server.shutdown()
        desk.server.server_close()


@pytest.fixture
def device() -> str:
    """A device code nobody used."""
    return f"t-{uuid.uuid4().hex[:10]}"
