"""One question over MQTT, one answer: how the API talks to the broker's account plug-in (dynamic security).

Opens a session of its own for each question and leaves nothing behind at the broker. The plug-in publishes its answers
to everybody who asks at that moment, so each question bears a mark that its answer repeats.
"""

import asyncio
import contextlib
import dataclasses
import secrets
from collections.abc import Sequence
from typing import Any

import orjson

from services.core.mqtt import Delivery, Session, SessionConfig

CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
CONTROL_ANSWER_TOPIC = "$CONTROL/dynamic-security/v1/response"
MARK = "correlationData"  # the plug-in repeats it with the answer to each command

Command = dict[str, Any]


async def ask(config: SessionConfig, commands: Sequence[Command], *, timeout_s: float = 5.0) -> list[dict[str, Any]]:
    """Have the plug-in carry out `commands` in order; return its answer to each.

    `config.client_id` must be this question's own, for instance with a random end.

    Raises:
        TimeoutError: no answer within `timeout_s` seconds, or the broker is away.
        BadSetting: the account may not ask.
    """
    mark = secrets.token_hex(8)
    question = orjson.dumps({"commands": [command | {MARK: mark} for command in commands]})
    heard: asyncio.Queue[Delivery] = asyncio.Queue(maxsize=1000)
    session = Session(
        dataclasses.replace(config, filters=(CONTROL_ANSWER_TOPIC,), clean_start=True, session_expiry_s=0),
        on_delivery=heard.put_nowait,
    )

    async def converse() -> list[dict[str, Any]]:
        await session.ready()
        await session.publish(CONTROL_TOPIC, question)
        while True:
            delivery = await heard.get()
            session.ack([delivery])
            answers = _answers_to(mark, delivery.payload)
            if answers:
                return answers

    running = asyncio.create_task(session.run(), name=f"mqtt {config.client_id}")
    asking = asyncio.create_task(converse(), name="mqtt question")
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.wait({running, asking}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            running.result()  # raises what ended the session
        return await asking
    finally:
        asking.cancel()
        await session.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await running if not running.done() else None


def _answers_to(mark: str, payload: bytes) -> list[dict[str, Any]]:
    """Return the plug-in's answers to the question of this mark, none where they are somebody else's."""
    return [answer for answer in orjson.loads(payload)["responses"] if answer.get(MARK) == mark]
