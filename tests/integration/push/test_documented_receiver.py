"""The receiver that `docs/clients/push.md` shows takes what is pushed: a newcomer has nothing but the page."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from stack.children import free_port
from tests.integration.push.conftest import Subscribe
from tests.support.subscriber import SECRET
from tests.support.waiting import eventually

PAGE = Path("docs/clients/push.md")


def shown(language: str, port: int) -> str:
    """The first example of the page in a language, with our secret and a port of this machine."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    changed = code.replace("whsec_…", SECRET).replace("8080", str(port))
    assert changed.count(SECRET) == changed.count(str(port)) == 1
    return str(changed)


async def test_the_receiver_of_the_page_takes_each_event_once(
    push: Callable[..., Any], subscribe: Subscribe, tell: Callable[..., Awaitable[None]], scratch: Path
) -> None:
    port = free_port()
    other, _ = await subscribe()
    await subscribe(url=f"http://127.0.0.1:{port}/")
    receiver = scratch / "receiver.py"
    receiver.write_text(shown("python", port), encoding="utf-8")
    out = scratch / "out"
    with out.open("wb") as file:
        child = await asyncio.create_subprocess_exec(sys.executable, "-u", receiver, stdout=file, stderr=file)
    try:
        push()
        await tell("h-1", "h-2")
        await eventually(lambda: "h-1" in out.read_text() and "h-2" in out.read_text(), what="both events")
        await eventually(lambda: len(other.took) == 2, what="both events elsewhere")
        assert out.read_text().count("cn.firetower.alarm.updated.v1") == 2
    finally:
        child.kill()
        await child.wait()
