"""What is under way: read from the log, sent, and not yet named by the county. No I/O; uplink drives it.

Promises that a batch is finished only when the county has named every row of it, and the batches before it are; that
what is not named is sent again, byte for byte; that two different events of one device with one id are never under way
at once, because the county names only the id; and that what waits for that is not overtaken (held.py).
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from services.core.clock import Clock
from services.core.feed import Batch
from services.core.log import logger
from services.core.moment import to_us
from services.relay.held import Held
from services.relay.lanes import LIMITS, Lane
from services.relay.packing import OLD, Message, Row, pack

log = logger(__name__)

RESEND_FIRST_S, RESEND_CAP_S = 10.0, 300.0  # contract 3
ECHO_S = 15.0  # the acknowledgement of a repeat may follow that of the first sending by about so long

_Mark = tuple[int, Hashable, bytes]


def _mark(row: Row) -> _Mark:
    """Return what tells a row from others: of two batches, also one with the same bytes."""
    return row.batch_id, row.key, row.element


@dataclass(slots=True, eq=False)
class Page:
    """Batches that were read together."""

    batches: Sequence[Batch]
    left: int  # rows that the county has not named


@dataclass(slots=True, eq=False)
class Sending:
    """One message until all of its rows are named."""

    lane: Lane
    message: Message
    left: set[Hashable] = field(default_factory=set)
    times: int = 0
    resend_after_s: float = RESEND_FIRST_S
    due: float = 0.0  # monotonic, of the next repeat
    at_broker: bool = False  # acknowledged by the broker since it was last handed over
    asked_at: float = 0.0  # monotonic, when the county was last asked for its rows
    ahead: bool = False  # it goes before what waits


class Carrier:
    """The rows under way of all lanes. `post` hands a sending to the connection."""

    def __init__(self, clock: Clock, post: Callable[[Sending], None]) -> None:
        self._clock = clock
        self._post = post
        self._pages: dict[Lane, deque[Page]] = {lane: deque() for lane in Lane}
        self._open: dict[Hashable, tuple[Sending, Page]] = {}
        self._held = Held[Page]()
        self._echoing: dict[Hashable, float] = {}  # until when a repeat's acknowledgement may still come
        self._ahead: dict[_Mark, bool] = {}  # sent before the log came to them: whether they are named
        self._count = dict.fromkeys(Lane, 0)
        self._begun = clock.monotonic()

    def open_rows(self, lane: Lane) -> int:
        """Return how many rows of the lane are under way."""
        return self._count[lane]

    def add(self, lane: Lane, batches: Sequence[Batch], rows: Sequence[Row]) -> None:
        """Take the next batches of a lane with the rows of them that go up."""
        if not batches:
            return
        page = Page(batches, 0)
        rows = self._without_ahead(rows, page)
        self._pages[lane].append(page)
        page.left += len(rows)
        self._count[lane] += page.left
        fresh: list[Row] = []
        taken: set[Hashable] = set()
        for row in rows:
            if row.key in taken or self._must_wait(lane, row):
                self._held.add(lane, row, page)
            else:
                taken.add(row.key)
                fresh.append(row)
        self._send(lane, fresh, page)

    def send_ahead(self, lane: Lane, rows: Iterable[Row]) -> None:
        """Send rows that the log will come to later, before all that waits; what must wait comes with the log."""
        for row in rows:
            if _mark(row) in self._ahead or self._must_wait(lane, row):
                continue
            self._ahead[_mark(row)] = False
            self._count[lane] += 1
            (message,) = pack([row], 1)
            sending = Sending(lane, message, {row.key}, ahead=True)
            self._open[row.key] = sending, Page([], 1)
            self._post(sending)

    def again(self, lane: Lane, row: Row) -> None:
        """Send a row that no batch waits for any more."""
        page = Page([], 1)
        self._count[lane] += 1
        if self._must_wait(lane, row):
            self._held.add(lane, row, page)
        else:
            self._send(lane, [row], page)

    def _without_ahead(self, rows: Sequence[Row], page: Page) -> list[Row]:
        """Return what of `rows` was not sent ahead; what was, and is not named yet, is awaited for `page`."""
        left = []
        for row in rows:
            named = self._ahead.pop(_mark(row), None)
            if named is None:
                left.append(row)
            elif not named:
                self._open[row.key] = self._open[row.key][0], page
                page.left += 1
                self._count[self._open[row.key][0].lane] -= 1  # it is counted with its page
        return left

    def _must_wait(self, lane: Lane, row: Row) -> bool:
        return self._is_busy(row.key) or row.key in self._held or self._held.stands_before(lane, row)

    def _is_busy(self, key: Hashable) -> bool:
        return key in self._open or key in self._echoing

    def _send(self, lane: Lane, rows: Iterable[Row], page: Page) -> None:
        for message in pack(rows, LIMITS[lane].elements):
            sending = Sending(lane, message, {row.key for row in message.rows})
            for row in message.rows:
                self._open[row.key] = sending, page
            self._post(sending)

    def handed_over(self, sending: Sending) -> None:
        """Note that it went to the connection."""
        sending.times += 1
        sending.at_broker = False
        sending.due = self._clock.monotonic() + sending.resend_after_s

    def carried(self, key: Hashable) -> None:
        """The county has the row; a key that is not under way is the echo of a repeat."""
        found = self._open.pop(key, None)
        if found is None:
            return
        sending, page = found
        sending.left.discard(key)
        if sending.ahead and (mark := _mark(sending.message.rows[0])) in self._ahead:
            self._ahead[mark] = True
        page.left -= 1
        self._count[sending.lane] -= 1
        if sending.lane is not Lane.READINGS and self._may_echo(sending):
            self._echoing[key] = self._clock.monotonic() + ECHO_S
        else:
            self._release(key)

    def _may_echo(self, sending: Sending) -> bool:
        """Whether another acknowledgement may come: of a repeat, or of what was sent before this program's start."""
        return sending.times > 1 or self._clock.monotonic() - self._begun < ECHO_S

    def _release(self, key: Hashable) -> None:
        free = list(self._held.release(key, self._is_busy))
        for (lane, _), some in groupby(free, lambda one: (one[0], id(one[2]))):
            rows = list(some)
            self._send(lane, [row for _, row, _ in rows], rows[0][2])

    def tick(self) -> None:
        """Send again what is due, and what waited for an echo; call it about once a second."""
        now = self._clock.monotonic()
        for key in [key for key, until in self._echoing.items() if until <= now]:
            del self._echoing[key]
            self._release(key)
        for sending in dict.fromkeys(one for one, _page in self._open.values()):
            if sending.at_broker and sending.due <= now:
                self._again(sending)

    def reconnected(self) -> None:
        """Send again all that the broker had: its word came before a connection that is gone."""
        for sending in dict.fromkeys(one for one, _page in self._open.values()):
            if sending.at_broker:
                self._again(sending)

    def _again(self, sending: Sending) -> None:
        """Send the rows that are left; what is carried already is no part of it."""
        lane, rows = sending.lane, [row for row in sending.message.rows if row.key in sending.left]
        log.info("sent_again", lane=lane.name, topic=sending.message.topic, rows=len(rows), times=sending.times + 1)
        sending.resend_after_s = min(RESEND_CAP_S, sending.resend_after_s * 2)
        sending.at_broker = False
        # readings alone, so that what the county refuses can be told by its bytes; and nothing that is named goes
        # again, for the county's second word could be taken for one about the next event of that name
        if len(rows) < len(sending.message.rows) or (lane is Lane.READINGS and len(rows) > 1):
            self.split(sending)
            return
        self._post(sending)

    def has_grown_old(self, sending: Sending) -> bool:
        """Have rows say when they were received that grew old since they were read; whether they go alone instead."""
        message, old_us = sending.message, to_us(self._clock.now() - OLD)
        rows = [row.says_so_by(old_us) for row in message.rows]
        if rows == message.rows:
            return False
        sending.message = message._replace(rows=rows, received_us=rows[0].received_us if len(rows) == 1 else None)
        if len(rows) > 1:  # the moment is of the message
            self.split(sending)
        return len(rows) > 1

    def split(self, sending: Sending) -> None:
        """Send each row that is left alone."""
        for row in [row for row in sending.message.rows if row.key in sending.left]:
            self._split_off(sending, row)

    def _split_off(self, sending: Sending, row: Row) -> None:
        (message,) = pack([row], 1)
        alone = Sending(sending.lane, message, {row.key}, sending.times, sending.resend_after_s)
        sending.left.discard(row.key)
        self._open[row.key] = alone, self._open[row.key][1]
        self._post(alone)

    def asked(self, most: int) -> list[tuple[Row, Sending]]:
        """Return readings whose message the broker has: the county is asked for them.

        Those come first that were not asked for the longest, so that what it refuses keeps nobody waiting.
        """
        there = [
            one
            for one in dict.fromkeys(one for one, _page in self._open.values())
            if one.lane is Lane.READINGS and one.at_broker
        ]
        found: list[tuple[Row, Sending]] = []
        for sending in sorted(there, key=lambda one: one.asked_at):
            if len(found) >= most:
                break
            sending.asked_at = self._clock.monotonic()
            found += [(row, sending) for row in sending.message.rows if row.key in sending.left]
        return found[:most]

    def finished(self, lane: Lane) -> list[Batch]:
        """Return the batches that are carried, up to the first that is not; they are forgotten here."""
        pages, done = self._pages[lane], list[Batch]()
        while pages and pages[0].left == 0:
            done += pages.popleft().batches
        return done
