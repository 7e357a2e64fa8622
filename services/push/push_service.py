"""Tells the browsers that one push service serves. Made by `browsers`, one for each service.

Promises that whatever a service does costs only its own browsers: it has connections and slots of its own, at most
SLOTS requests under way, one at a time while it fails. Its outcome is a few columns; nothing of it is kept in memory.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.core.answers import Answer
from services.core.aside import own_fault
from services.core.clock import CLOCK_SET_BACK, Clock, wait_at_most
from services.core.line import Line, Request
from services.core.log import logger
from services.core.masks import find_secrets, hide
from services.core.metrics import BROWSER_ATTEMPTS
from services.core.statements import load_queries
from services.core.text import clean_text, describe_error
from services.push.browser_words import tell_fires, tell_greeting
from services.push.sealing import Sender, fill, seal
from services.push.verdicts import Fate, Verdict, judge, wait_s

SQL = load_queries(__file__, "browsers.sql")
TOLD_FOR = timedelta(minutes=10)  # a fire that is older is no news on a phone; also the TTL at the service
APART = timedelta(seconds=2)  # messages to one browser: what comes meanwhile is told together
LONGEST_PAUSE_S = 60.0
SLOTS = 8
TIMEOUT_S = 10.0
FAILING = 3  # failures in a row: then one request at a time
REFUSALS = 10  # in a row: then the browser is forgotten, and its page asks again
_LONGEST_ERROR = 300
log = logger(__name__)


@dataclass(slots=True)
class Browser:
    """One browser, as its row says, and when it may be asked again."""

    row: Mapping[str, Any]
    told_to: int
    greeting: bool
    failures: int
    attempts: int = 0
    not_before: datetime | None = None
    busy: bool = False

    def sees(self, area: str | None) -> bool:
        """Whether the person's areas contain this one; without one it is the county's."""
        codes: Sequence[str] = self.row["areas"]
        return "*" in codes or any(
            area.startswith(code) if area is not None else len(code) <= 6 for code in codes  # a county's code has 6
        )  # fmt: skip


@dataclass(slots=True)
class News:
    """What all services tell: fires by number, oldest first."""

    fires: list[Mapping[str, Any]] = field(default_factory=list)

    def pending(self, browser: Browser, now: datetime) -> list[Mapping[str, Any]]:
        """Return the fires that this browser is still to be told of, each once, as it was last."""
        newest = {
            fire["alarm_id"]: fire
            for fire in self.fires
            if fire["number"] > browser.told_to and now - fire["made_at"] < TOLD_FOR and browser.sees(fire["area"])
        }
        return sorted(newest.values(), key=lambda fire: fire["number"])


@dataclass(frozen=True, slots=True)
class Tools:
    """What all services share."""

    pool: asyncpg.Pool
    clock: Clock
    sender: Sender
    news: News


class PushService:
    """One push service and its browsers by endpoint. `wake` after a change of either."""

    def __init__(self, origin: str, line: Line, tools: Tools) -> None:
        self.origin, self.browsers = origin, dict[str, Browser]()
        self._line, self._tools, self._clock = line, tools, tools.clock
        self._failures, self._under_way = 0, 0
        self._not_before: datetime | None = None
        self._looked_at = self._clock.now()
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Tell its browsers without end."""
        async with asyncio.TaskGroup() as attempts:
            while True:
                self.wake.clear()
                pause_s = LONGEST_PAUSE_S
                now = self._follow_clock()
                for browser in list(self.browsers.values()):
                    if self._under_way >= (1 if self._failures >= FAILING else SLOTS):
                        break  # the end of an attempt wakes us
                    due = max((at for at in (self._not_before, browser.not_before) if at is not None), default=now)
                    fires = [] if browser.busy else self._tools.news.pending(browser, now)
                    greets = browser.greeting and now - browser.row["created_at"] < TOLD_FOR
                    if browser.busy or not (fires or greets):
                        continue
                    if due > now:
                        pause_s = min(pause_s, (due - now).total_seconds())
                        continue
                    browser.busy, self._under_way = True, self._under_way + 1
                    attempts.create_task(self._attempt(browser, fires), name=f"push to {self.origin}")
                await wait_at_most(self.wake, pause_s)

    def _follow_clock(self) -> datetime:
        """Return the time now. Once the clock was set back, nothing waits for a time that it gave before."""
        now = self._clock.now()
        if now < self._looked_at - CLOCK_SET_BACK:
            self._not_before = None
            for browser in self.browsers.values():
                browser.not_before = None
        self._looked_at = now
        return now

    async def _attempt(self, browser: Browser, fires: Sequence[Mapping[str, Any]]) -> None:
        at = self._clock.now()
        secrets = find_secrets(browser.row["endpoint"], {})
        try:
            answer = await self._post(browser, fires, at)
        except ValueError:  # a key that is no point, which only a changed row can hold
            answer = Answer(410, {}, b"")
        except Exception as error:
            if not own_fault(error):
                raise
            log.exception("web_push_attempt_failed")
            answer = Answer(None, {}, b"", hide(describe_error(error), secrets))
        verdict = judge(answer, self._clock.now())
        if answer.status == 404:  # RFC 8030 7.3: the subscription has expired
            verdict = Verdict(Fate.GONE, "HTTP 404: the browser is known there no more")
        try:
            await self._settle(browser, fires, verdict, at=at, status=answer.status)
        finally:
            browser.busy, self._under_way = False, self._under_way - 1
            self.wake.set()

    async def _post(self, browser: Browser, fires: Sequence[Mapping[str, Any]], now: datetime) -> Answer:
        row = browser.row
        plain = tell_fires(fires, row["language"]) if fires else tell_greeting(row["language"])
        headers = {
            "authorization": self._tools.sender.authorization(self.origin, now),
            "content-type": "application/octet-stream",
            "content-encoding": "aes128gcm",
            "ttl": str(int(TOLD_FOR.total_seconds())),
            "urgency": "high",
        }
        if len(fires) == 1:  # a later message about it replaces one that still waits at the service
            headers["topic"] = f"alarm-{fires[0]['alarm_id']}"
        sealed = seal(fill(plain), row["p256dh"], row["auth"])
        return await self._line.ask(Request(row["endpoint"], headers, sealed), TIMEOUT_S)

    async def _settle(
        self,
        browser: Browser,
        fires: Sequence[Mapping[str, Any]],
        verdict: Verdict,
        *,
        at: datetime,
        status: int | None,
    ) -> None:
        BROWSER_ATTEMPTS.labels(str(verdict.fate)).inc()
        now = self._clock.now()
        self._judge_service(verdict, now)
        name = (browser.row["session_hash"], browser.row["endpoint"])
        browser.failures = 0 if verdict.fate is Fate.DELIVERED else browser.failures + 1
        if verdict.fate is Fate.GONE or (verdict.fate is Fate.DEAD and browser.failures >= REFUSALS):
            self.browsers.pop(browser.row["endpoint"], None)
            await self._tools.pool.execute(SQL["remove"], *name)
            return
        over = verdict.fate is not Fate.RETRY
        browser.attempts = 0 if over else browser.attempts + 1
        pause_s = min(wait_s(browser.attempts), LONGEST_PAUSE_S)
        browser.not_before = now + (APART if over else timedelta(seconds=pause_s))
        if over and fires:
            browser.told_to = fires[-1]["number"]
        greeted = over and not fires
        browser.greeting = browser.greeting and not greeted
        error = None if verdict.error is None else clean_text(verdict.error, _LONGEST_ERROR)
        accepted_at = at if verdict.fate is Fate.DELIVERED else None
        await self._tools.pool.execute(
            SQL["settle"], *name, browser.told_to, greeted, browser.failures, at, status, error, accepted_at
        )

    def _judge_service(self, verdict: Verdict, now: datetime) -> None:
        """Slow down where the service itself fails; its first yes lets everybody go at once. Two lines in the log."""
        host = self.origin.partition("://")[2]
        if verdict.fate is not Fate.RETRY:
            if self._failures >= FAILING:
                log.info("push_service_back", host=host)
                for browser in self.browsers.values():
                    browser.not_before = None
            self._failures, self._not_before = 0, None
            return
        self._failures += 1
        if self._failures == FAILING:
            log.warning("push_service_failing", host=host, error=verdict.error)
        pause_s = verdict.pause_s if verdict.pause_s is not None else 0.0
        if self._failures >= FAILING:
            pause_s = max(pause_s, min(wait_s(self._failures - FAILING + 1), LONGEST_PAUSE_S))
        self._not_before = now + timedelta(seconds=pause_s)
