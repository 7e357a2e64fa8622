"""Sessions of contestants at the broker: whether one is subscribed, and its end.

Called by the bench of peers.
"""

import asyncio
import secrets
import threading
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.peers.contestant import Contestant
from bench.publisher import Endpoint
from bench.system import READY_TIMEOUT_S, BenchFailed
from stack import children

_PROBE = "fire/v1/140931100/hydrant/PROBE/up/telemetry"
_NOBODY = 0x10  # PUBACK: no matching subscribers (MQTT 5, 3.4.2.1)


async def until_subscribed(fleet: Endpoint, contestant: Contestant) -> None:
    """Publish something that is no reading until somebody takes it.

    Raises:
        BenchFailed: the contestant ended, or nobody subscribed in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_TIMEOUT_S
    while not await asyncio.to_thread(_somebody_takes, fleet):
        contestant.pid()
        if loop.time() > deadline:
            wrote = children.tail(children.read_log(contestant.log))
            raise BenchFailed(f"{contestant.name} did not subscribe within {READY_TIMEOUT_S:g} s: {wrote}")
        await asyncio.sleep(0.5)


def _somebody_takes(fleet: Endpoint) -> bool:
    answered = threading.Event()
    reasons: list[int] = []

    def acknowledged(*arguments: Any) -> None:
        reasons.append(arguments[3].value)
        answered.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, f"firetower.bench.{secrets.token_hex(6)}", protocol=paho.MQTTv5)
    client.username_pw_set(fleet.username, fleet.password)
    client.on_publish = acknowledged
    client.connect(fleet.host, fleet.port)
    client.loop_start()
    try:
        client.publish(_PROBE, b"null", qos=1)
        return answered.wait(10) and reasons[0] != _NOBODY
    finally:
        client.disconnect()
        client.loop_stop()


def forget_session(account: Endpoint, client_id: str) -> None:
    """End a durable session with all that waits in it, so that the broker no longer queues for it.

    Raises:
        BenchFailed: the broker did not answer.
    """
    connected = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=True)
    client.username_pw_set(account.username, account.password)
    client.on_connect = lambda *_: connected.set()
    client.connect(account.host, account.port)
    client.loop_start()
    try:
        if not connected.wait(10):
            raise BenchFailed(f"the broker did not end the session {client_id}")
    finally:
        client.disconnect()
        client.loop_stop()
