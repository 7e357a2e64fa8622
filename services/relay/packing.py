"""Rows into messages: one device's elements together, few enough for what is urgent not to wait behind them. Pure."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

OLD = timedelta(days=25)
"""Older rows say when they were received: the county takes a clock for wrong that is 30 days behind (contract 3)."""
MOST_BYTES = 16 * 1024  # of a message; one element may be larger and then goes alone


class Row(NamedTuple):
    """One committed row, as it goes up."""

    batch_id: int
    topic: str
    key: Hashable  # by which the county names it
    element: bytes
    received_us: int | None = None  # when we received it, where the county could not judge its clock otherwise
    ts_us: int | None = None  # by its device's clock; not known of what was set aside by an earlier release
    arrived_us: int | None = None  # when we received it, to be told once the county could not judge its clock any more
    part: str = ""  # the component that an event is of; empty: the whole device

    def says_so_by(self, old_us: int) -> "Row":
        """Return it as one that says when it was received, if it is of before `old_us`; else itself."""
        if self.received_us is None and self.ts_us is not None and self.ts_us < old_us:
            return self._replace(received_us=self.arrived_us)
        return self


class Message(NamedTuple):
    """One publish: a single element as an object, several as a list."""

    topic: str
    payload: bytes
    rows: Sequence[Row]
    received_us: int | None = None


def pack(rows: Iterable[Row], most: int) -> Iterator[Message]:
    """Return `rows` as messages of at most `most` elements; the order of each topic stays."""
    by_topic: dict[str, list[Row]] = {}
    for row in rows:
        by_topic.setdefault(row.topic, []).append(row)
    for topic, of_topic in by_topic.items():
        part: list[Row] = []
        size = 0
        for row in of_topic:
            if row.received_us is not None:  # alone: the moment is of the message
                if part:
                    yield _message(topic, part)
                yield Message(topic, row.element, [row], row.received_us)
                part, size = [], 0
                continue
            if part and (len(part) == most or size + len(row.element) > MOST_BYTES):
                yield _message(topic, part)
                part, size = [], 0
            part.append(row)
            size += len(row.element)
        if part:
            yield _message(topic, part)


def _message(topic: str, rows: Sequence[Row]) -> Message:
    elements = [row.element for row in rows]
    payload = elements[0] if len(elements) == 1 else b"[" + b",".join(elements) + b"]"
    return Message(topic, payload, rows)
