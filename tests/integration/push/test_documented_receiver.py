"""The receivers that docs/clients shows take what is pushed: a newcomer has nothing but the page."""

import asyncio
import re
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from bench.peers.nodered import NotToBeHad, install
from stack.children import free_port
from tests.integration.push.conftest import Subscribe
from tests.support.county import County
from tests.support.subscriber import SECRET
from tests.support.waiting import eventually

PAGES = Path("docs/clients")
PACKAGES = Path(__file__).with_name("receiver")


class Language(NamedTuple):
    """How an example of a page is run. `fence` marks it on the page."""

    page: str
    fence: str
    file: str
    command: tuple[str, ...]


PYTHON = Language("receiver-python.md", "python", "receiver.py", (sys.executable, "-u"))
NODE = Language("receiver-node.md", "js", "hook.mjs", ("node",))
JAVA = Language("receiver-java.md", "java", "Hook.java", ("java",))


def shown(language: Language, port: int) -> str:
    """The example of a page, with our secret and a port of this machine."""
    text = (PAGES / language.page).read_text(encoding="utf-8")
    (code,) = re.findall(rf"^```{language.fence}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    changed = code.replace("whsec_…", SECRET).replace("8080", str(port))
    assert changed.count(SECRET) == changed.count(str(port)) == 1
    return str(changed)


def prepare(language: Language, folder: Path, port: int) -> list[str]:
    """Write the example where it can be run, with the packages that its page names; return how."""
    if shutil.which(language.command[0]) is None:
        pytest.skip(f"{language.command[0]} is not installed")
    if language is NODE:
        try:
            (folder / "node_modules").symlink_to(install(PACKAGES) / "node_modules")
        except NotToBeHad as why:
            pytest.skip(str(why))
    (folder / language.file).write_text(shown(language, port), encoding="utf-8")
    return [*language.command, str(folder / language.file)]


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.mark.parametrize("language", [PYTHON, NODE, JAVA], ids=["python", "node", "java"])
async def test_the_receiver_of_the_page_takes_each_event_once_and_nothing_unsigned(  # noqa: PLR0917
    language: Language, push: Callable[..., Any], subscribe: Subscribe, tell: Callable[..., Awaitable[None]],
    county: County, scratch: Path,
) -> None:  # fmt: skip
    port, out = free_port(), scratch / "out"
    other, _ = await subscribe()
    address = f"http://127.0.0.1:{port}/"
    _, number = await subscribe(url=address)
    with out.open("wb") as file:
        child = await asyncio.create_subprocess_exec(*prepare(language, scratch, port), stdout=file, stderr=file)
    try:
        await eventually(lambda: listens(port), what=f"the receiver: {out.read_text()}", timeout_s=60)
        async with httpx2.AsyncClient(trust_env=False) as stranger:
            assert (await stranger.post(address, content=b'{"type": "x"}')).status_code == 401
        push()
        await tell("h-1", "h-2")
        await eventually(lambda: "h-1" in out.read_text() and "h-2" in out.read_text(), what="both events")
        await eventually(lambda: len(other.took) == 2, what="both events elsewhere")
        await eventually(lambda: _delivered(county, number, 2), what="their record")
        again = "update subscription_delivery set state = 'waiting', due_at = now() where subscription_id = $1"
        await county.conn.execute(again, number)
        await county.conn.execute("select pg_notify('firetower_subscription', $1)", str(number))
        await eventually(lambda: _delivered(county, number, 2, attempts=2), what="both once more")
        assert out.read_text().count("cn.firetower.alarm.updated.v1") == 2
    finally:
        child.kill()
        await child.wait()


async def _delivered(county: County, number: int, count: int, attempts: int = 1) -> bool:
    query = """select count(*) from subscription_delivery
               where subscription_id = $1 and state = 'delivered' and attempts = $2"""
    return bool(await county.conn.fetchval(query, number, attempts) == count)
