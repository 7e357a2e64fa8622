"""The way of one frame: known again or new, its meaning, onto the disk, published, and confirmed once it is stored.

Called by front.py for every frame, by publish.py when a record is stored. Promises: command 3 is sent
only after the row is committed; the same bytes give the same events; a fire is never held back by anything ordinary.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from services.core.aside import Unit
from services.core.clock import Clock
from services.core.contracts import EventType
from services.core.log import logger
from services.core.metrics import FRAMES
from services.gateway.border import Border
from services.gateway.bounds import Arrival, Bounds
from services.gateway.compose import Composer
from services.gateway.confirms import Asker, Confirms
from services.gateway.frames import CONFIRM, CONTROL, REQUEST, SEND, Decoder, Frame
from services.gateway.journal import Journal
from services.gateway.limits import Limits
from services.gateway.lookups import LookUps
from services.gateway.meaning import Known, Meaning, bare_fire, interpret
from services.gateway.objects import Unit as DataUnit
from services.gateway.objects import count_fires, holds_fire, read_unit
from services.gateway.presence import Presence
from services.gateway.publish import Publisher
from services.gateway.records import Heard, Message, Record, Remembered, statements_of
from services.gateway.registry import Panel, Registry
from services.gateway.repeats import END, FIRE, WINDOW_MS, Repeats, digest_of
from services.gateway.states import States

log = logger(__name__)


class Intake:
    """Takes frames; `publisher` is set by main before the first one."""

    publisher: Publisher

    def __init__(  # noqa: PLR0917 - the parts it joins
        self,
        registry: Registry,
        journal: Journal,
        clock: Clock,
        limits: Limits,
        remembered: Remembered,
        border: Border,
    ) -> None:
        self._registry = registry
        self._journal = journal
        self._clock = clock
        self._border = border
        self._states = States(remembered.states, limits)
        self._composer = Composer(registry, limits, remembered.counters)
        self._bounds = Bounds(limits, clock)
        self.presence = Presence(registry, self._composer, clock, self._bounds.budget, self._own, self._may_follow)
        self._repeats = Repeats()
        numbers = [one.id for one in remembered.records] + [one.id for one in remembered.heard]
        # by the clock, so that a file that can be opened only later holds none of the same numbers
        self._next_id = max([int(clock.now().timestamp() * 1_000_000), *(number + 1 for number in numbers)])
        self._arrival = int(clock.now().timestamp() * 1_000_000)
        self._arrive_after(remembered)
        self.look_ups = LookUps(registry, journal, clock, self._new_id)
        self._confirms = Confirms(clock)
        for record in remembered.records:
            self._repeats.add(record)

    # --- what a file held ---

    def _arrive_after(self, remembered: Remembered) -> None:
        """Let arrivals keep growing over restarts, whatever our own clock said when those were counted."""
        arrivals = (known.arrival for states in remembered.states.values() for known in states.values())
        self._arrival = max(self._arrival, *arrivals, 0)

    def resume(self, remembered: Remembered) -> int:
        """Publish again what was not known to be stored when the program ended; return how many records."""
        unsettled = [record for record in remembered.records if record.settled_ms is None]
        for record in sorted(unsettled, key=lambda record: not record.urgent):
            record.stranger = not self._registry.panel(record.source).registered
            self.publisher.add(record)
        self.look_ups.resume(remembered.heard)
        return len(unsettled) + len(remembered.heard)

    def take_up(self, remembered: Remembered) -> None:
        """Join what a file held that could be opened only now."""
        for record in remembered.records:
            self._repeats.add(record)
        self._arrive_after(remembered)
        self._states.join(remembered.states)
        self._composer.join(remembered.counters)
        self.resume(remembered)
        self.take_heard()

    def take_heard(self) -> None:
        """Take what was heard before the end of the last run and not looked up; call it once names are known."""
        for heard in self.look_ups.heard:
            detail = {"frame": heard.frame.hex(), "peer": heard.peer}
            with self._border.around(Unit("frame", f"heard {heard.id}", fire=True, detail=detail)):
                self._take_again(heard)

    def take_again(self, detail: Mapping[str, Any]) -> None:
        """Take a frame that was set aside once more, because a person asked for it."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        self._take_again(Heard(0, str(detail["peer"]), bytes.fromhex(detail["frame"]), now_ms))

    def _take_again(self, heard: Heard) -> None:
        at = datetime.fromtimestamp(heard.received_ms / 1000, UTC)
        for frame in Decoder().feed(heard.frame):
            if isinstance(frame, Frame):
                self.take_data(heard_as(frame), read_unit(frame.adu), Arrival(heard.peer, at, kept=heard.id))
        self.look_ups.let_go(heard.id)

    def remember(self) -> Remembered:
        """Return everything that must be in a journal begun anew."""
        return Remembered(
            self._repeats.records(),
            self._states.all(),
            self._composer.counters(),
            self._registry.rows,
            self.look_ups.heard,
        )

    # --- data ---

    def next_number(self) -> int:
        """Return the number of one more frame that was heard: it orders the states that frames tell."""
        self._arrival += 1
        return self._arrival

    def take_data(self, frame: Frame, unit: DataUnit, arrival: Arrival) -> bool:
        """Say whether it was taken: what is not is not confirmed, so the panel sends it again."""
        now_ms = int(arrival.at.timestamp() * 1000)
        digest = digest_of(frame)
        before = self._repeats.find(frame.source, digest, now_ms)
        if before is not None:
            FRAMES.labels("repeated").inc()
            if arrival.asker is not None:
                self._confirms.wait(before, arrival.asker)
            return True
        panel = self._registry.panel(frame.source)
        if unit.flag is not None and not self._bounds.allow(
            panel, count_fires(unit), arrival, self._waiting(), self.publisher.open_of_strangers
        ):
            return False
        self._repeats.saw_serial(frame, first_of_link=arrival.first_of_link)
        number = self.next_number() if arrival.number is None else arrival.number
        prefix = f"{frame.source.hex()}-{now_ms:x}-{frame.serial:x}-{digest[:4].hex()}"
        meaning, messages = self._say(unit, panel, arrival.at, prefix, number)
        if meaning.clock_offset_s is not None:
            self.presence.offsets[frame.source] = meaning.clock_offset_s
        if not (meaning.events or meaning.readings or meaning.states):
            FRAMES.labels("heartbeat").inc()
            self._confirm_heartbeat(panel, frame, arrival.asker)
            return True
        role = " ".join([FIRE] * meaning.urgent + [END] * meaning.ends_fire)
        first = meaning.goes_first or arrival.leads
        record = Record(self._new_id(), frame.source, digest, role, first, now_ms, messages=messages)
        record.stranger = not panel.registered
        self._repeats.add(record)
        if arrival.asker is not None:
            self._confirms.wait(record, arrival.asker)
        states = self._states.take(frame.source, meaning.states, registered=panel.registered)
        self._accept(record, states, arrival.kept)
        return True

    def _say(
        self, unit: DataUnit, panel: Panel, at: datetime, prefix: str, number: int
    ) -> tuple[Meaning, list[Message]]:
        try:
            meaning = interpret(unit, panel.profile, self._states.of(panel.address), number, at)
            return meaning, self._composer.messages(panel, meaning, prefix)
        except Exception as error:
            if not holds_fire(unit):
                raise
            detail = {"data_unit": unit.raw.hex()}
            self._border.note(Unit("meaning", panel.address.hex(), panel.area, fire=True, detail=detail), error)
            meaning = bare_fire(unit, at)  # this much is certain about a fire whose details we fail to work out
            return meaning, self._composer.messages(panel, meaning, prefix)

    def _accept(self, record: Record, states: dict[str, Known | None], kept: int | None = None) -> None:
        """Write a record down; publish it when it is on the disk."""
        statements = statements_of(record, states, self._composer.take_used()) + self.look_ups.over(kept)
        self._journal.write(
            statements, partial(self.publisher.add, record), first=record.urgent, landed=partial(self._landed, record)
        )

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _waiting(self) -> int:
        """Return how many records are not stored yet."""
        return self.publisher.open_records + self._journal.waiting

    def _may_follow(self, panel: Panel, last: Record | None) -> bool:
        """Whether a sign of life may be made: panels never stop making them, whatever waits.

        None while the one before waits; one that is nowhere any more could not be written.
        """
        if last is not None and not last.stored and (last.on_disk or self._journal.waiting):
            return False
        return self._bounds.has_room(panel, self._waiting(), self.publisher.open_of_strangers)

    def _own(self, panel: Panel, message: Message, *, urgent: bool = False) -> Record:
        """Write down what the gateway says itself."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        digest = secrets.token_bytes(16)  # no message of a panel can be a repeat of it
        record = Record(self._new_id(), panel.address, digest, urgent=urgent, received_ms=now_ms, messages=[message])
        record.stranger = not panel.registered
        self._accept(record, {})
        return record

    # --- answers ---

    def _confirm_heartbeat(self, panel: Panel, frame: Frame, asker: Asker | None) -> None:
        if frame.command == SEND and asker is not None:
            reply = panel.profile.heartbeats.get(frame.adu.hex(), "") if len(frame.adu) == 1 else ""
            asker.link.reply(frame, CONFIRM, bytes.fromhex(reply))

    def _landed(self, record: Record) -> None:
        record.on_disk = True
        self._confirms.may_go(record)

    def stored(self, record: Record) -> None:
        """All of a record is committed: confirm it to the panel."""
        self._confirms.may_go(record)

    def settled(self, record: Record) -> None:
        """Nothing of a record can be lost any more."""
        self._journal.settle(record, int(self._clock.now().timestamp() * 1000))

    # --- time ---

    def tick(self) -> None:
        """Let go of what is older than a retransmission can be, tell what strangers had too much of; every second."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        self._repeats.expire(now_ms)
        self.presence.expire()
        if not self._journal.is_failing:
            self._journal.write([("drop_settled", (now_ms - WINDOW_MS,))])
        for report in self._bounds.reports():
            crowd = self._registry.crowd()
            message = self._composer.of_link(
                crowd, self._clock.now(), report.type, report.text, active=report.active, **report.extra
            )
            self._own(crowd, message, urgent=report.type == EventType.FIRE)


def heard_as(frame: Frame) -> Frame:
    """A fire counts whatever type it was sent as."""
    return replace(frame, command=SEND) if frame.command in {CONTROL, REQUEST} else frame
