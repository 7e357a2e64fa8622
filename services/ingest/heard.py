"""What one batch says of one device: its newest state, whether it is there, its clock and its counts. Pure.

The plan fills one for each device; the store writes it. The newest value of each field is worked out here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.core.contracts import READING_FIELDS
from services.core.topics import Kind
from services.ingest.account import Head, Tally
from services.ingest.behind import Clock
from services.ingest.devices import Device
from services.ingest.reading import Reading
from services.ingest.refused import NONE, Refused

Order = tuple[int, int, int]  # ts_us, received_us, seq: what makes a value newer than another


@dataclass
class Heard:
    """What a batch says about one device's newest state. Without slots: what a batch does not say, the class says."""

    device: Device
    seen_us: int | None = field(default=None, init=False)  # receive time of the newest live message
    topic: str | None = field(default=None, init=False)
    connected: bool | None = field(default=None, init=False)
    connected_us: int | None = field(default=None, init=False)
    newest: Order | None = field(default=None, init=False)  # of the newest reading
    oldest_us: int | None = field(default=None, init=False)
    fields: dict[str, Any] = field(init=False)  # newest value of each field
    fields_at: dict[str, Order] = field(init=False)  # of those that the newest reading lacked
    went_back: bool = field(default=False, init=False)  # its clock did: what was the newest by its time gives way
    stored: bool = field(default=False, init=False)  # a row of it is in this batch
    refused: Refused = field(default=NONE, init=False)
    clock: Clock = field(init=False)  # what is known of its clock after this batch
    head: Head | Reading = field(init=False)  # the newest reading it has sent, by time or by number
    counted: Tally | None = field(default=None, init=False)  # of its loss accounting; None: nothing, as nearly always

    def __post_init__(self) -> None:
        self.fields, self.fields_at = {}, {}
        self.clock, self.head = self.device.clock, self.device.telemetry

    @property
    def tally(self) -> Tally:
        """Where to count what it adds to the loss accounting."""
        if self.counted is None:
            self.counted = Tally()
        return self.counted

    @property
    def is_only_counted(self) -> bool:
        """True when it says nothing of the device itself, which may be another lane's: somebody spoke in its name."""
        return self.seen_us is None and self.connected is None and self.newest is None

    @property
    def is_whole(self) -> bool:
        """True when every field the device's state holds is in this batch."""
        known = self.device.state_fields
        return known is not None and known <= self.fields.keys()

    def merge(self, kind: Kind, ts_us: int, seq: int, values: Sequence[Any], received_us: int, *, behind: bool) -> None:
        """Keep the newest value of each field; a time ahead of the receive time counts as the receive time.

        What counts by its receive time is the newest, whatever a clock said that went back since.
        """
        self.went_back |= behind and ts_us < (self.device.telemetry.ts_us or 0)
        at_us = min(received_us, ts_us)
        order = (at_us, received_us, seq)
        fresh = {name: value for name, value in zip(READING_FIELDS[kind], values, strict=True) if value is not None}
        if self.newest is None:
            self.newest, self.oldest_us, self.fields = order, at_us, fresh
            return
        self.oldest_us = at_us if self.oldest_us is None else min(at_us, self.oldest_us)
        fields, fields_at = self.fields, self.fields_at
        if behind or order >= self.newest:
            for name in fields:
                if name in fresh:
                    fields_at.pop(name, None)
                else:
                    fields_at.setdefault(name, self.newest)
            fields.update(fresh)
            self.newest = order
            return
        for name, value in fresh.items():
            if name not in fields or fields_at.get(name, self.newest) <= order:
                fields[name], fields_at[name] = value, order

    def merge_again(self, rows: Iterable[tuple[Kind, tuple[Any, ...]]]) -> None:
        """Work the newest values out anew, of these rows alone: others of the batch turned out to be repeats.

        A repeat is as new as it was when it first came, however new its receive time is.
        """
        self.newest = self.oldest_us = None
        self.fields, self.fields_at, self.went_back = {}, {}, False
        for kind, (_device_id, ts_us, seq, received_us, _late, behind, *values, _extra) in rows:
            self.merge(kind, ts_us, seq, values, received_us, behind=behind)


HeardOf = dict[int, Heard]  # by device id
