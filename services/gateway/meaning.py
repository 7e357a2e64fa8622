"""What a data unit says: events and readings of the contract, judged against the last known states. Pure.

Called by main.py for every frame. A fire or manual alarm always makes an event; the last state only derives
`active: false` and drops repeats that are no fire; bit 0 ("test") is never a reason to drop or mark down a fire.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from services.core.contracts import EventType, JsonObject
from services.core.topics import Kind
from services.gateway.frames import read_time
from services.gateway.naming import ALARM_CLEARED_BIT, UTD, bits_of, component_of, have_one_name, key_of, place
from services.gateway.objects import Item, Unit, describe, read_text
from services.gateway.profiles import Profile
from services.gateway.tables import TABLES, Bit

ALWAYS = (EventType.FIRE, EventType.MANUAL_ALARM)
GO_FIRST = (*ALWAYS, EventType.RESET)  # as ingest puts them first
CHECKSUM_WRONG = "checksum_wrong"  # a note of what was sent again and again like that
NO_VALUE = {0x7FFF: "0x7fff", -0x8000: "0x8000"}  # the ends of the scale: a broken sensor, or none
OLDEST, NEWEST = timedelta(days=30), timedelta(minutes=5)  # a reading's time outside of this is no time (contract 3)


@dataclass(frozen=True, slots=True)
class Known:
    """The last state of one thing; `arrival` orders frames as they came, for a fire frame may overtake others."""

    bits: int
    arrival: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A reading. `suffix` names the device of its own it belongs to, empty: the panel."""

    suffix: str
    kind: Kind
    ts: str
    fields: JsonObject


@dataclass(slots=True)
class Meaning:
    """What is to be published, and what is to be remembered (None: forgotten)."""

    events: list[JsonObject] = field(default_factory=list)
    readings: list[Measured] = field(default_factory=list)
    states: dict[str, Known | None] = field(default_factory=dict)
    clock_offset_s: float | None = None

    @property
    def urgent(self) -> bool:
        """Whether it holds a fire."""
        return any(event["type"] in ALWAYS and event["active"] for event in self.events)

    @property
    def goes_first(self) -> bool:
        """Whether it is sent before what is ordinary: a fire, and what may end one, which must not change places."""
        return self.urgent or self.ends_fire

    @property
    def ends_fire(self) -> bool:
        """Whether a fire seen before may be over, so that the same bytes again are a new fire."""
        return any(
            event["type"] == EventType.RESET
            or event.get("alarm_cleared")
            or (event["type"] in ALWAYS and not event["active"])
            for event in self.events
        )


class _Reader:
    """Judges one data unit; its overlay lets a later object see what an earlier one of the same unit said."""

    def __init__(self, unit: Unit, profile: Profile, last: Mapping[str, Known], arrival: int, now: datetime) -> None:
        self.unit, self.profile, self.arrival, self.now = unit, profile, arrival, now
        self.zone = timezone(timedelta(minutes=profile.utc_offset_min))
        self.states = dict(last)
        self.out = Meaning()

    def time_of(self, item: Item) -> tuple[datetime, JsonObject]:
        """Return the device's time, or the receive time, with a mark beside it where a time was due."""
        local = read_time(item.time) if item.time is not None else None
        if local is not None:
            return local.replace(tzinfo=self.zone), {}
        now = self.now.astimezone(self.zone)
        if self.unit.type is None or not self.unit.type.timed:
            return now, {}  # the type has no time to tell
        return now, {"clock": "invalid"} | ({"device_time": item.time.hex()} if item.time else {})

    def plausible_time_of(self, item: Item) -> tuple[str, JsonObject]:
        """Return the time of a reading: a device whose clock stands still still measures now."""
        moment, marks = self.time_of(item)
        if not self.now - OLDEST <= moment <= self.now + NEWEST:
            marks = {"clock": "implausible", "device_ts": moment.isoformat()}
            moment = self.now.astimezone(self.zone)
        return moment.isoformat(timespec="milliseconds"), marks

    def add(self, item: Item, kind: str, text: str, *, active: bool = True, **extra: object) -> None:
        """Note one event."""
        moment, marks = self.time_of(item)
        event: JsonObject = {"ts": moment.isoformat(timespec="milliseconds"), "type": kind, "active": active}
        if item.component_address is not None:
            loop, _ = place(item.component_address, self.profile.component_address)
            event |= {"component": component_of(item, self.profile), "zone": loop}
            event["component_address"] = item.component_address.hex()
        if item.component_type is not None:
            event["component_type"] = item.component_type
        if item.system_type is not None:
            event |= {"system_type": item.system_type, "system_address": item.system_address}
        if self.unit.notes:
            marks["notes"] = list(self.unit.notes)
        if CHECKSUM_WRONG in self.unit.notes:
            text += " (报文校验错误 its checksum is wrong)"
        self.out.events.append({**event, "description": text, **marks, **extra})

    def text_of(self, item: Item, what: str) -> str:
        system = "" if item.system_type is None else TABLES.system_name(item.system_type)
        return " ".join(part for part in (system, read_text(item.text), what) if part)

    def remember(self, key: str, known: Known | None) -> None:
        self.out.states[key] = known
        if known is None:
            self.states.pop(key, None)
        else:
            self.states[key] = known

    def elsewhere(self, key: str, event: str) -> bool:
        """Say whether something of the same name still reports it: another system, say, or a part of another one."""
        return any(
            known.bits >> bit.bit & 1
            for other, known in self.states.items()
            if other != key and have_one_name(key, other)
            for bit in bits_of(other)
            if bit.event == event
        )

    def state(self, item: Item, key: str) -> None:
        bits = item.state or 0
        if key == UTD:
            self.health(item, bits)
        before = self.states.get(key)
        overtaken = before is not None and before.arrival > self.arrival
        old = before.bits if before else 0
        self.test_mode(item, bits, before, overtaken=overtaken)
        resets = {bit.bit for bit in bits_of(key) if bit.event == EventType.RESET}
        if any((bits & ~old) >> bit & 1 for bit in resets):  # reported first: the rest of the same state came after it
            self.add(item, EventType.RESET, self.text_of(item, "复位"), state=bits)
            self.forget()
            old = 0
        if not overtaken:
            self.remember(key, Known(bits, self.arrival))
        for bit in bits_of(key):
            if bit.event is None or bit.bit in resets:
                continue
            is_set, was_set = bits >> bit.bit & 1, old >> bit.bit & 1
            text = self.text_of(item, bit.zh if is_set else bit.zh_clear)
            if is_set and (not was_set or bit.event in ALWAYS):
                self.add(item, bit.event, text, state=bits)
                # a newer state says that the condition is over
                if overtaken and bit.event not in ALWAYS and not self.elsewhere(key, bit.event):
                    self.add(item, bit.event, self.text_of(item, bit.zh_clear), active=False, state=old)
            elif was_set and not is_set and not overtaken and not self.elsewhere(key, bit.event):
                self.add(item, bit.event, text, active=False, state=bits)

    def health(self, item: Item, bits: int) -> None:
        """The transmission device's own state is its reading, too."""
        moment, marks = self.plausible_time_of(item)
        fields = {"mains_ok": not bits & 8, "battery_ok": not bits & 16, "link_ok": not bits & 32}
        self.reading("", Kind.PANEL, moment, marks | fields)

    def test_mode(self, item: Item, bits: int, before: Known | None, *, overtaken: bool) -> None:
        """Bit 0 counts only when a device was seen to use it, and never beside a fire (most send fires with 0)."""
        if before is None or overtaken or bits & 0b10 or not (bits ^ before.bits) & 1:
            return
        text = "恢复正常运行" if bits & 1 else "测试状态"
        self.add(item, EventType.TEST, self.text_of(item, text), active=not bits & 1, state=bits)

    def forget(self) -> None:
        for key, known in list(self.states.items()):
            if known.arrival <= self.arrival:  # else it was heard after the reset, on another link
                self.remember(key, None)

    def operation(self, item: Item, bits: tuple[Bit, ...]) -> None:
        flags = item.operation or 0
        who: JsonObject = {"operator": item.operator, "operation": flags}
        suffix = f"(操作员 {item.operator})" if item.operator else ""
        for bit in bits:
            if flags >> bit.bit & 1 and bit.event is not None:
                mark: JsonObject = {"alarm_cleared": True} if bit.bit == ALARM_CLEARED_BIT else {}
                self.add(item, bit.event, self.text_of(item, bit.zh + suffix), **who | mark)
                if bit.event == EventType.RESET:
                    self.forget()
        if not flags & 0x7F:
            self.add(item, EventType.OPERATION, self.text_of(item, "未说明的操作" + suffix), **who)

    def analog(self, item: Item) -> None:
        quantity = TABLES.analog_types.get(item.analog_type or 0)
        rule = next(
            (
                rule
                for rule in self.profile.analogs
                if rule.fits(item.analog_type or 0, item.system_type, item.component_type)
            ),
            None,
        )
        resolution = (rule and rule.resolution) or (quantity and quantity.resolution) or 1
        value = round((item.value or 0) * resolution, 6)
        ts, marks = self.plausible_time_of(item)
        if rule is None:
            entry = {
                "component": component_of(item, self.profile),
                "analog_type": item.analog_type,
                "quantity": quantity.zh if quantity else "",
                "unit": quantity.unit if quantity else None,
                "value": value,
            }
            reading = self.reading("", Kind.PANEL, ts, {"link_ok": True, **marks})
            reading.fields.setdefault("analogs", []).append(entry)
            return
        loop, point = place(item.component_address or bytes(4), self.profile.component_address)
        suffix = "-".join(filter(None, (rule.kind, str(item.system_type), str(item.system_address), loop, point)))
        fields = self.reading(suffix, rule.kind, ts, marks).fields
        # what stands there instead of a measurement is no number: ingest refuses it by name, whatever the field's range
        fields[rule.field] = NO_VALUE.get(item.value or 0) or round(value * rule.factor, 6)

    def reading(self, suffix: str, kind: Kind, ts: str, marks: JsonObject) -> Measured:
        """Return the reading of this device and time, so that several values of one sampling become one."""
        for made in self.out.readings:
            if (made.suffix, made.ts) == (suffix, ts):
                made.fields.update(marks)
                return made
        self.out.readings.append(Measured(suffix, kind, ts, dict(marks)))
        return self.out.readings[-1]

    def read(self) -> Meaning:
        for item in self.unit.items:
            match self.unit.flag:
                case 1 | 2 | 21:
                    self.state(item, key_of(item))
                case 3:
                    self.analog(item)
                case 4:
                    self.operation(item, TABLES.system_operation)
                case 24:
                    self.operation(item, TABLES.utd_operation)
                case 8 | 28:
                    self.clock(item)
                case _:
                    self.note(item)
        self.keep_raw()
        return self.out

    def note(self, item: Item) -> None:
        """Versions and configurations, and whatever else a device says of itself."""
        if item.major is not None:
            self.add(item, EventType.OPERATION, self.text_of(item, f"软件版本 {item.major}.{item.minor}"))
        elif item.text is not None:
            self.add(item, EventType.OPERATION, self.text_of(item, "(配置)"))
        else:
            self.add(item, EventType.OPERATION, "上行方向出现下行类型", object=describe(item))

    def clock(self, item: Item) -> None:
        local = read_time(item.time) if item.time is not None else None
        if local is not None:
            self.out.clock_offset_s = (local.replace(tzinfo=self.zone) - self.now).total_seconds()

    def keep_raw(self) -> None:
        """What could not be read is kept as it came, in an event that raises nothing."""
        unit = self.unit
        if unit.flag is None or (unit.items and not unit.rest):
            return
        what = "数据单元无法完全解读" if unit.type else f"未知类型标志 {unit.flag}"
        self.add(Item(), EventType.OPERATION, f"{what}，原样保存", type_flag=unit.flag, raw=unit.raw.hex())


def interpret(unit: Unit, profile: Profile, last: Mapping[str, Known], arrival: int, now: datetime) -> Meaning:
    """Say what a data unit means for a device whose last states are `last`. Events lack event_id and seq still."""
    return _Reader(unit, profile, last, arrival, now).read()


def bare_fire(unit: Unit, now: datetime) -> Meaning:
    """Say no more than that a data unit holds a fire: for one whose every detail could not be worked on."""
    event: JsonObject = {"ts": now.isoformat(timespec="milliseconds"), "type": EventType.FIRE, "active": True}
    text = "火警报文无法完全解读，原样保存 a fire whose details could not be read"
    return Meaning(events=[{**event, "description": text, "type_flag": unit.flag, "raw": unit.raw.hex()}])


def render(meaning: Meaning, prefix: str, first_seq: int) -> Iterator[JsonObject]:
    """Yield the events ready to publish; `prefix` is unique to the frame, so the same frame gives the same bytes."""
    for index, event in enumerate(meaning.events):
        yield {"event_id": f"{prefix}-{index}", "seq": (first_seq + index) % 2**32, **event}
