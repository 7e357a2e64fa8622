"""The usual queries as text: place, streams and newest values of many devices; one stream over a time span.

Platforms send them all day, and composing a statement costs more than running it. But for `streams` and
`newest_transitions` they do not check the caller's areas: use them for devices that were read with the scope
(`Pages.narrowed`, a parent's row). All else goes by `observations`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.api.city.sensorthings.answers import Item, Position
from services.api.city.sensorthings.catalogue import ALARM, BY_NAME, BY_NUMBER, FIELDS_OF, Property
from services.api.city.sensorthings.filter import SOURCES
from services.api.city.sensorthings.model import STREAMS_PER_DEVICE, Entity
from services.core.statements import load_queries
from services.core.topics import Kind

SQL = load_queries(__file__)
AHEAD: Final = timedelta(minutes=10)
"""A reading may be 5 min ahead of its receive time; the newest state then has the receive time."""
Question = tuple[str, dict[str, object]]
_SOURCE_OF: Final = {kind: place for place, kind in enumerate(SOURCES)}
_STREAMS: Final = {  # in the order of their ids
    str(kind): tuple(sorted((*fields, BY_NAME[ALARM]), key=lambda one: one.id)) for kind, fields in FIELDS_OF.items()
}
FIELD_NAMES: Final = sorted({one.name for fields in FIELDS_OF.values() for one in fields})


def newest_readings(kind: Kind, devices: Sequence[int], begin: datetime) -> Question:
    """Return the question for the two newest readings of each device from `begin` on, found by its newest state.

    They come as they are stored. The second tells whether there is a next page.
    """
    fields = ", ".join(one.name for one in FIELDS_OF[kind])
    statement = f"""
        select s.device_id as device, r.ts, r.seq, r.received_at, r.late, {fields}
        from device_state s cross join lateral (
            select * from reading_{kind} r
            where r.device_id = s.device_id
              and r.ts >= cast(:begin as timestamptz) and r.ts <= s.ts + cast(:ahead as interval)
            order by r.ts desc, r.seq desc limit 2) r
        where s.device_id = any(cast(:devices as integer[]))"""  # noqa: S608 - our own names
    return statement, {"devices": list(devices), "begin": begin, "ahead": AHEAD}


@dataclass(frozen=True, slots=True)
class PlainStream:
    """One field of one device, of whose observations nothing else is asked."""

    kind: Kind
    device: int
    number: int

    def question(
        self, begin: datetime, end: datetime, *, after: Position | None, newest: bool, limit: int
    ) -> Question:  # fmt: skip
        """Return the question for the readings of [begin, end) in the order of time, `after` where a page ended."""
        name, way = BY_NUMBER[self.number].name, "desc" if newest else "asc"
        behind = ""
        values: dict[str, object] = {"device": self.device, "begin": begin, "end": end, "limit": limit}
        if after is not None:
            behind = f"and (ts, seq) {'<' if newest else '>'} (cast(:ts as timestamptz), cast(:seq as bigint))"
            values |= {"ts": after[2], "seq": after[3]}
        statement = f"""
            select device_id as device, ts, seq, received_at, late, {name} from reading_{self.kind}
            where device_id = cast(:device as integer) and {name} is not null
              and ts >= cast(:begin as timestamptz) and ts < cast(:end as timestamptz) {behind}
            order by ts {way}, seq {way} limit cast(:limit as bigint)"""  # noqa: S608 - our own names
        return statement, values

    def observed(self, row: Mapping[str, Any]) -> Item:
        """Return the observation of a stored reading."""
        one = BY_NUMBER[self.number]
        return observation_of(row, self.kind, one, row[one.name])


def observation_of(row: Mapping[str, Any], kind: Kind, one: Property, value: Any) -> Item:
    """Return the observation of one field of a stored reading."""
    num, flag = (None, value) if one.is_flag else (value, None)
    return Item(
        Entity.OBSERVATION,
        {
            "device": row["device"], "ts": row["ts"], "seq": row["seq"], "sub": 0, "number": one.id,
            "source": _SOURCE_OF[kind], "kind": kind, "received_at": row["received_at"], "late": row["late"],
            "num": num, "flag": flag, "text": None,
        },
    )  # fmt: skip


def transition_of(row: Mapping[str, Any]) -> Item:
    """Return the observation of a transition of an alarm."""
    more = {"number": BY_NAME[ALARM].id, "source": _SOURCE_OF[None], "late": False, "num": None, "flag": None}
    return Item(Entity.OBSERVATION, {**row, **more})


def streams_of(row: Mapping[str, Any]) -> list[Item]:
    """Return the streams of a device in the order of their ids: every field that it has sent, and its alarms."""
    sent = {*row["sent"], ALARM}
    shared = {name: row[name] for name in ("device", "kind", "code", "name", "lon", "lat", "known_since")}
    first = row["device"] * STREAMS_PER_DEVICE
    return [
        Item(Entity.DATASTREAM, {**shared, "id": first + one.id, "number": one.id})
        for one in _STREAMS.get(row["kind"], ())
        if one.name in sent
    ]
