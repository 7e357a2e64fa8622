"""One device's stored messages through the rules of the running system, some numbers of one rule changed.

Used by `firetower backtest` and by trials of a rule's numbers. Promises the live code path: same rules, same order,
same parameters at each time, and what time alone ends is ended as the hours pass.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from services.alerts.rules.model import Reading
from services.alerts.rules.walk import DeviceRules
from services.core.alarms.life.happenings import Finding
from services.core.rules.parameters import ParameterBook
from services.core.rules.profile import DeviceProfile
from services.core.statements import load_queries

SQL = load_queries(__file__)
CLOCK_WRONG: Final = "clock_wrong"
_TICK: Final = timedelta(hours=1)
Said = list[tuple[datetime, Finding]]
"""What the rules found, each with our time of it."""


async def find_bad_clocks(
    conn: asyncpg.Connection, code: str, device_ids: Sequence[int], since: datetime, until: datetime
) -> dict[int, list[datetime]]:
    """Return when these devices showed an implausible clock in that time; nothing for a rule that does not ask."""
    found: dict[int, list[datetime]] = {}
    if code == CLOCK_WRONG:
        for row in await conn.fetch(SQL["implausible_clocks"], device_ids, since, until):
            found.setdefault(row["device_id"], []).append(row["received_at"])
    return found


async def until_now(conn: asyncpg.Connection, until: datetime) -> datetime:
    """Return `until`, or now where that lies ahead: nothing ends before its time."""
    end: datetime = await conn.fetchval(SQL["until_now"], until)
    return end


class StoredWalk:
    """The stored messages of one device through the rules, some numbers of `code` changed.

    As in the live system, the rules are made anew when an override takes effect; counts and windows go on.
    `bad_clocks`: when the device showed an implausible clock, in order.
    """

    def __init__(
        self,
        profile: DeviceProfile,
        book: ParameterBook,
        code: str,
        values: Mapping[str, float],
        bad_clocks: Iterable[datetime] = (),
    ) -> None:
        self._profile, self._book, self._code, self._values = profile, book, code, values
        self._rules: DeviceRules | None = None
        self._change_at: datetime | None = None
        self._ticked_at = datetime.min.replace(tzinfo=UTC)
        self._bad_clocks = deque(bad_clocks)
        self._standing: set[str] = set()  # causes of what stands of `code`

    def take(self, received_at: datetime, message: Sequence[Reading]) -> Said:
        """Take the readings of the next message; return what the rules found since the message before."""
        said: Said = []
        while self._bad_clocks and self._bad_clocks[0] <= received_at:
            at = self._bad_clocks.popleft()
            self._note(said, at, self._rules_of(at, said).note_bad_clock(at))
        self._note(said, received_at, self._rules_of(received_at, said).walk(message))
        return said

    def end(self, until: datetime) -> Said:
        """Let time pass until the end of the walk; return what that ended."""
        said = self.take(until, ())
        self._note(said, until, self._rules_of(until, said).tick(until))
        return said

    def _rules_of(self, at: datetime, said: Said) -> DeviceRules:
        """Return the rules at that time, after what time alone ended before it."""
        rules = self._rules
        if rules is None:
            self._ticked_at = at
            rules = self._make(at, {})
        while self._change_at is not None and self._change_at <= at:
            changed_at = self._change_at
            self._pass_time(rules, changed_at, said)
            rules = self._make(changed_at, rules.to_json())
            self._note(said, changed_at, rules.tick(changed_at))
        self._pass_time(rules, at, said)
        return rules

    def _make(self, at: datetime, saved: Mapping[str, object]) -> DeviceRules:
        parameters = dict(self._book.for_device(self._profile, at))
        parameters[self._code] = {**parameters[self._code], **self._values}
        self._rules = DeviceRules.from_json(self._profile, parameters, saved)
        self._change_at = self._book.next_change(at)
        return self._rules

    def _pass_time(self, rules: DeviceRules, until: datetime, said: Said) -> None:
        """End what time alone ends: hour by hour while something stands."""
        while until - self._ticked_at >= _TICK:
            self._ticked_at = self._ticked_at + _TICK if self._standing else until
            self._note(said, self._ticked_at, rules.tick(self._ticked_at))

    def _note(self, said: Said, at: datetime, found: Iterable[Finding]) -> None:
        for finding in found:
            said.append((at, finding))
            if finding.code == self._code:
                (self._standing.add if finding.active else self._standing.discard)(finding.cause)
