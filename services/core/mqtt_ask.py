"""One question over MQTT, one answer: how the API talks to the broker's account plug-in (dynamic security).

Opens a session of its own for each question and leaves nothing behind at the broker.
"""

import asyncio
import contextlib
import dataclasses

from services.core.mqtt import Delivery, Session, SessionConfig

CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
CONTROL_ANSWER_TOPIC = "$CONTROL/dynamic-security/v1/response"


async def ask(
    config: SessionConfig,
    payload: bytes,
    *,
    topic: str = CONTROL_TOPIC,
    answer_topic: str = CONTROL_ANSWER_TOPIC,
    timeout_s: float = 5.0,
) -> bytes:
    """Publish `payload` to `topic` and return the first payload on `answer_topic`.

    `config.client_id` must be this question's own, for instance with a random end.

    Raises:
        TimeoutError: no answer within `timeout_s` seconds, or the broker is away.
        BadSetting: the account may not ask.
    """
    answers: asyncio.Queue[Delivery] = asyncio.Queue(maxsize=100)
    session = Session(
        dataclasses.replace(config, filters=(answer_topic,), clean_start=True, session_expiry_s=0),
        on_delivery=answers.put_nowait,
    )

    async def converse() -> bytes:
        await session.ready()
        await session.publish(topic, payload)
        answer = await answers.get()
        session.ack([answer])
        return answer.payload

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
