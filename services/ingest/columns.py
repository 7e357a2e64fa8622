"""Rows of a plan as the column arrays that `unnest` takes. Pure; the store calls it next to each statement."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.core.contracts import READING_FIELDS
from services.core.topics import Kind
from services.ingest.account import Head, Tally
from services.ingest.fields import FIELD_RULES
from services.ingest.plan import Heard, Plan

SQL_TYPES = {bool: "boolean", int: "bigint", float: "double precision"}
FIRST_FIELD = 7  # $1 is the batch, $2 to $6 are the key columns

Columns = Iterable[Iterable[Any]]


def fill(template: str, kind: Kind) -> str:
    """Return a statement of store.sql for one kind's table."""
    types = [SQL_TYPES[rule.base] for rule in FIELD_RULES[kind].values()] + ["jsonb"]
    return (
        template.replace("{table}", f"reading_{kind}")
        .replace("{columns}", ", ".join(READING_FIELDS[kind]))
        .replace("{arrays}", ", ".join(f"${FIRST_FIELD + i}::{name}[]" for i, name in enumerate(types)))
    )


def fill_fields(template: str, kind: Kind) -> str:
    """Return add_fields for one kind: the key is $1 to $3, each field fills only what is null."""
    sets = ", ".join(
        f"{name} = coalesce({name}, ${4 + i}::{SQL_TYPES[rule.base]})"
        for i, (name, rule) in enumerate(FIELD_RULES[kind].items())
    )
    return template.replace("{table}", f"reading_{kind}").replace("{sets}", sets)


def events(plan: Plan) -> Columns:
    """Return the columns of insert_events."""
    return zip(
        *(
            (
                device.id, event.digest, received_us, event.ts_us, event.seq, late, event.event_id, event.type,
                event.active, event.component, event.zone, event.system_type, event.component_type, event.description,
                event.device_ts, event.extra,
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
                message.received_us, message.raw_topic.replace("\0", ""), reject.payload, reject.reason, reject.detail,
                reject.element, device_id, reject.stored,
            )
            for message, reject, device_id in plan.rejects
        ),
        strict=True,
    )  # fmt: skip


def states(heard: Mapping[int, Heard], heads: Mapping[int, Head]) -> Columns:
    """Return the columns of update_state, by device id: two writers then lock in one order."""
    nothing = (None, None, None)
    rows = []
    for device_id in sorted(heard):
        item = heard[device_id]
        head = heads.get(device_id) or item.device.telemetry
        rows.append(
            (
                device_id, item.fields, item.oldest_us, *(item.newest or nothing), item.seen_us, item.topic,
                item.connected, item.connected_us, head.ts_us, head.seq, head.missing, item.is_whole,
            )
        )  # fmt: skip
    return zip(*rows, strict=True)


def heard(items: Mapping[int, Heard], heads: Mapping[int, Head]) -> Columns:
    """Return the columns of update_heard."""
    rows = []
    for device_id in sorted(items):
        item = items[device_id]
        head = heads.get(device_id) or item.device.event
        rows.append((device_id, item.seen_us, item.topic, head.ts_us, head.seq, head.missing))
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
        both = Heard(item.device, seen_us=item.seen_us or old.seen_us, topic=item.topic or old.topic)
        both.tally = Tally(
            *(getattr(item.tally, name) + getattr(old.tally, name) for name in Tally.__slots__)  # fields in order
        )
        joined[device_id] = both
    return joined
