"""Rows of a plan as the column arrays that `unnest` takes. Pure; the store calls it next to each statement."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from services.core.contracts import READING_FIELDS
from services.core.fields import FIELD_RULES
from services.core.topics import Kind
from services.ingest.account import Head, Tally
from services.ingest.behind import RIGHT, to_json
from services.ingest.heard import Heard
from services.ingest.plan import Plan

SQL_TYPES = {bool: "boolean", int: "bigint", float: "double precision"}
FIRST_FIELD = 7  # $1 to $6 are the columns that every kind has

MOST_TOPIC = 1000  # characters of a reject's topic, of 64 KiB that MQTT allows

NOTHING = (None, None, None)  # for the newest reading of a device that sent none
AT_NEWEST = Head()  # where the count of numbers stands at the newest reading, it does not travel twice

Columns = Iterable[Sequence[Any] | str | None]

# The driver spends half a microsecond on each element of an array. So numbers travel as one array literal, at a
# fifth of that, and a column that says nothing new travels as NULL: unnest pads it, the statement knows the usual.


def compact(columns: Iterable[Sequence[Any]]) -> Columns:
    """Return `columns` as they travel: numbers as literals, texts as lists, None for a column that holds only None."""
    return [_column(column) for column in columns]


def _column(column: Sequence[Any]) -> Sequence[Any] | str | None:
    if column[0] is None and column.count(None) == len(column):
        return None
    if type(next(value for value in column if value is not None)) is str:
        return column
    return "{" + orjson.dumps(column).decode()[1:-1] + "}"  # true, false, null and numbers are written alike in both


def json_text(value: Any) -> str | None:
    """Return `value` as JSON text; text is five times cheaper to send than a jsonb element."""
    return None if value is None else orjson.dumps(value).decode()


def fill(template: str, kind: Kind) -> str:
    """Return a statement of store.sql for one kind's table."""
    types = {name: f"text::{SQL_TYPES[rule.base]}" for name, rule in FIELD_RULES[kind].items()} | {"extra": "text"}
    arrays = (f"unnest(${FIRST_FIELD + i}::{type_}[]) as {name}" for i, (name, type_) in enumerate(types.items()))
    return (
        template.replace("{table}", f"reading_{kind}")
        .replace("{columns}", ", ".join(READING_FIELDS[kind]))
        .replace("{arrays}", ", ".join(arrays))
    )


def fill_fields(template: str, kind: Kind) -> str:
    """Return add_fields for one kind: the key is $1 to $3, each field fills only what is null."""
    given = {name: f"${4 + i}::{SQL_TYPES[rule.base]}" for i, (name, rule) in enumerate(FIELD_RULES[kind].items())}
    sets = ", ".join(f"{name} = coalesce({name}, {value})" for name, value in given.items())
    lacking = " or ".join(f"{name} is null and {value} is not null" for name, value in given.items())
    return template.replace("{table}", f"reading_{kind}").replace("{sets}", sets).replace("{lacking}", lacking)


def readings(rows: Iterable[tuple[Any, ...]]) -> Columns:
    """Return the columns of insert_readings; `late`, `clock_behind` and `extra` usually say nothing."""
    columns: list[Any] = list(zip(*rows, strict=True))
    for place in (4, 5):
        if True not in columns[place]:
            columns[place] = (None,)
    if columns[-1].count(None) < len(columns[-1]):
        columns[-1] = [json_text(extra) for extra in columns[-1]]
    return compact(columns)


def events(plan: Plan) -> Columns:
    """Return the columns of insert_events."""
    return zip(
        *(
            (
                device.id, event.digest, received_us, event.ts_us, event.seq, late, event.event_id, event.type,
                event.active, event.component, event.zone, event.system_type, event.component_type, event.description,
                event.device_ts, event.extra, event.sent, event.nameless or event.counted,
                event.counted, event.place,
            )
            for device, event, received_us, late in plan.events.values()
        ),
        strict=True,
    )  # fmt: skip


def rejects(plan: Plan) -> Columns:
    """Return the columns of insert_rejects."""
    return zip(
        *(
            (
                message.received_us, message.raw_topic[:MOST_TOPIC].replace("\0", ""), reject.payload, reject.reason,
                reject.detail, reject.element, device_id, reject.stored,
            )
            for message, reject, device_id in plan.rejects
        ),
        strict=True,
    )  # fmt: skip


def states(heard: Mapping[int, Heard], heads: Mapping[int, Head]) -> Columns:
    """Return the columns of update_state, by device id: two writers then lock in one order."""
    items = [heard[device_id] for device_id in sorted(heard)]
    newest_us, received_us, seqs = zip(*[item.newest or NOTHING for item in items], strict=True)
    counted = [heads.get(item.device.id) or item.device.telemetry for item in items]
    apart = [
        AT_NEWEST if head.ts_us == ts_us and head.seq == seq else head
        for head, ts_us, seq in zip(counted, newest_us, seqs, strict=True)
    ]
    columns: list[Sequence[Any]] = [
        [item.device.id for item in items],
        [json_text(item.fields_at) if item.fields_at else None for item in items],
        [None if item.oldest_us == ts_us else item.oldest_us for item, ts_us in zip(items, newest_us, strict=True)],
        newest_us, received_us, seqs,
        [item.seen_us for item in items],
        [None if item.device.has_written(item.topic, item.seen_us) else item.topic for item in items],
        [item.connected for item in items],
        [item.connected_us for item in items],
        [head.ts_us for head in apart],
        [head.seq for head in apart],
        [head.missing or None for head in counted],
        [item.is_whole or None for item in items],
        [None if item.clock is RIGHT else json_text(to_json(item.clock)) for item in items],
        *zip(*[item.refused.columns() for item in items], strict=True),
        [item.went_back or None for item in items],
    ]  # fmt: skip
    return [orjson.dumps([item.fields for item in items]).decode(), *compact(columns)]


def heard(items: Mapping[int, Heard], heads: Mapping[int, Head]) -> Columns:
    """Return the columns of update_heard."""
    rows = []
    for device_id in sorted(items):
        item = items[device_id]
        head = heads.get(device_id)
        if head is None and not item.is_only_counted:
            head = item.device.event
        at = (None, None, None) if head is None else (head.ts_us, head.seq, head.missing)
        place = (device_id, item.seen_us, item.topic, *at)
        rows.append((*place, *item.refused.columns()))
    return zip(*rows, strict=True)


def tallies(items: Mapping[int, Tally]) -> Columns:
    """Return the columns of add_quality."""
    rows = [
        (device_id, tally.gaps, tally.restarts, tally.duplicates, tally.late, tally.rejects)
        for device_id, tally in sorted(items.items())
    ]
    return zip(*rows, strict=True)


def join_waiting(waiting: Mapping[int, Heard], now: Mapping[int, Heard]) -> dict[int, Heard]:
    """Return what was heard now with what waited before; neither is changed, because a batch may be tried again."""
    joined = dict(waiting)
    for device_id, item in now.items():
        old = waiting.get(device_id)
        if old is None:
            joined[device_id] = item
            continue
        both = Heard(item.device)
        both.seen_us, both.topic = item.seen_us or old.seen_us, item.topic or old.topic
        both.counted = Tally(
            *(getattr(item.tally, name) + getattr(old.tally, name) for name in Tally.__slots__)  # fields in order
        )
        both.refused = item.refused.after(old.refused)
        joined[device_id] = both
    return joined
