"""The way of one frame: known again or new, its meaning, onto the disk, published, and confirmed once it is stored.

Called by link.py for every frame (it is the `Post`), by publish.py when a record is stored. Promises: command 3 is sent
only after the row is committed; the same bytes give the same events; a fire is never held back by anything ordinary.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from services.core.clock import Clock
from services.core.contracts import EventType, Status
from services.core.log import logger
from services.core.metrics import CONFIRM_SECONDS, FRAMES
from services.core.topics import Channel, Kind, Topic
from services.gateway.commands import Commands
from services.gateway.compose import Composer
from services.gateway.door import Door
from services.gateway.downlink import Exchange
from services.gateway.frames import CONFIRM, CONTROL, REQUEST, SEND, Frame
from services.gateway.journal import Journal, Message, Record, Remembered, statements_of
from services.gateway.limits import Limits
from services.gateway.link import Link
from services.gateway.meaning import Known, interpret
from services.gateway.objects import Unit, holds_fire, read_unit
from services.gateway.post import Caller
from services.gateway.profiles import Profile
from services.gateway.publish import Publisher
from services.gateway.registry import Panel, Registry
from services.gateway.repeats import END, FIRE, WINDOW_MS, Repeats, digest_of
from services.gateway.states import States

log = logger(__name__)

LINKS_PER_ADDRESS = 4
GARBLED = "报文"  # a component of its own, for the device's own line fault is another condition
LIVES = 20_000
LIFE_EVERY_S = 60.0  # a heartbeat becomes a reading of the panel at most this often


@dataclass(slots=True)
class _Asker:
    """Who waits for a confirm: the newest link the frame came on, and when it came first."""

    link: Link
    frame: Frame
    arrived: float


class Intake:
    """Takes frames from links; `publisher`, `door` and `commands` are set by main before the first one."""

    publisher: Publisher
    door: Door
    commands: Commands

    def __init__(
        self, registry: Registry, journal: Journal, clock: Clock, limits: Limits, remembered: Remembered
    ) -> None:
        self._registry = registry
        self._journal = journal
        self._clock = clock
        self._limits = limits
        self._states = States(remembered.states, limits)
        self._composer = Composer(registry, limits, remembered.counters)
        self._repeats = Repeats()
        self._next_id = 1 + max((record.id for record in remembered.records), default=0)
        self._arrival = int(clock.now().timestamp() * 1_000_000)  # grows over restarts, too
        self._askers: dict[int, _Asker] = {}
        self._life: dict[bytes, float] = {}
        self._offsets: dict[bytes, float] = {}
        self._garbled: set[bytes] = set()  # addresses of ours whose frames are all damaged
        self._shared: set[bytes] = set()  # addresses that were reported to speak on two live links
        for record in remembered.records:
            self._repeats.add(record)

    def resume(self, remembered: Remembered) -> int:
        """Publish again what was not known to be stored when the program ended; return how many records."""
        unsettled = [record for record in remembered.records if record.settled_ms is None]
        for record in sorted(unsettled, key=lambda record: not record.urgent):
            self.publisher.add(record)
        return len(unsettled)

    # --- what links tell ---

    def profile_of(self, link: Link, address: bytes) -> Profile | None:
        """Return the profile of an address if it may call from there."""
        panel = self._registry.panel(address)
        if not panel.registered and self.door.link_of(address) is None and not self.door.has_room(address):
            return None
        return panel.profile if panel.profile.allows(link.host) else None

    def checksum_of(self, address: bytes) -> str:
        """Return the name of the checksum that an address uses."""
        return self._registry.panel(address).profile.checksum

    def is_registered(self, address: bytes) -> bool:
        """Say whether a person put this address into the registry."""
        return self._registry.panel(address).registered

    def ask(self, address: bytes, then: Callable[[], None]) -> None:
        """Find out whether somebody registered this address just now."""
        self._registry.ask(address, then)

    def first_word(self, link: Link, caller: Caller) -> None:
        """Tell that a panel is there, or that its address speaks on a second link."""
        panel = self._registry.panel(caller.address)
        first = self.door.claim(link, caller.address)
        log.info("panel connected", device=panel.code, peer=link.host, second=first is not None)
        if first is None:
            self._announce(panel, online=True)
            return
        FRAMES.labels("second_link").inc()
        if self.door.links_of(caller.address) > LINKS_PER_ADDRESS:
            link.close("too many links with one address")
            return
        text = f"同一地址出现第二条连接：原连接 {first.host}，新连接 {link.host}；原连接保留"
        self._tell(panel, EventType.OPERATION, text, peers=[first.host, link.host])
        known = first.callers.get(caller.address)
        if known is not None:
            first.probe(known)  # a dead one is found out by its silence, a live one by its answer

    def closed(self, link: Link) -> None:
        """Tell what a closed link means for its addresses."""
        for address in self.door.forget(link):
            self._announce(self._registry.panel(address), online=False)
        for address in self._shared.intersection(link.callers):
            if self.door.links_of(address) < 2:
                self._shared.discard(address)
                self._tell(self._registry.panel(address), EventType.TAMPER, "同一地址只剩一条连接", active=False)

    def garbled(self, link: Link) -> None:
        """Tell that a panel of ours is not understood; its next sound frame ends that."""
        for address in link.callers:
            panel = self._registry.panel(address)
            if panel.registered and address not in self._garbled:
                self._garbled.add(address)
                log.warning("nothing but damaged frames", device=panel.code, peer=link.host)
                text = "连续收到损坏的报文，请检查线路和设备参数(校验方式)"
                self._tell(panel, EventType.LINE_FAULT, text, component=GARBLED)

    def failed(self, link: Link, caller: Caller, exchange: Exchange) -> None:
        """Hand on that a panel did not answer."""
        log.info("no answer", device=self._registry.panel(caller.address).code, type_flag=exchange.flag, peer=link.host)
        self.commands.failed(exchange, "the panel did not answer 设备无应答")

    def frame(self, link: Link, caller: Caller, frame: Frame, arrived: float) -> None:
        """Take one frame."""
        self._watch_sharing(link, caller)
        if caller.address in self._garbled:
            self._garbled.discard(caller.address)
            panel = self._registry.panel(caller.address)
            self._tell(panel, EventType.LINE_FAULT, "报文恢复正常", component=GARBLED, active=False)
        unit = read_unit(frame.adu)
        if frame.version_main != 1:
            FRAMES.labels("other_version").inc()
        if frame.command in {CONTROL, REQUEST}:
            FRAMES.labels("wrong_direction").inc()
            if not holds_fire(unit):
                return
            frame = replace(frame, command=SEND)  # a fire is heard whatever it was sent as
        if frame.command != SEND:
            exchange = caller.exchanges.answered(frame, unit)
            if exchange is not None:
                self.commands.answered(exchange, frame, unit, self._registry.panel(caller.address).profile)
        if frame.command == SEND or unit.flag is not None:
            self._take_data(link, caller, frame, unit, arrived)
        self._sign_of_life(self._registry.panel(caller.address), arrived)

    # --- data ---

    def _take_data(self, link: Link, caller: Caller, frame: Frame, unit: Unit, arrived: float) -> None:
        now = self._clock.now()
        now_ms = int(now.timestamp() * 1000)
        digest = digest_of(frame)
        before = self._repeats.find(frame.source, digest, now_ms)
        if before is not None:
            FRAMES.labels("repeated").inc()
            self._answer_again(before, _Asker(link, frame, arrived))
            return
        open_at_most = self._limits.open_fires if holds_fire(unit) else self._limits.open_records
        if self.publisher.open_records >= open_at_most:
            FRAMES.labels("over_backlog").inc()  # not confirmed, so the panel sends it again
            return
        self._repeats.saw_serial(frame, first_of_link=caller.frames == 1)
        panel = self._registry.panel(frame.source)
        self._arrival += 1
        meaning = interpret(unit, panel.profile, self._states.of(frame.source), self._arrival, now)
        if meaning.clock_offset_s is not None:
            self._offsets[frame.source] = meaning.clock_offset_s
        if not (meaning.events or meaning.readings or meaning.states):
            FRAMES.labels("heartbeat").inc()
            self._confirm_heartbeat(link, frame, panel)
            return
        role = " ".join([FIRE] * meaning.urgent + [END] * meaning.ends_fire)
        record = Record(self._new_id(), frame.source, digest, role, meaning.urgent, now_ms)
        prefix = f"{frame.source.hex()}-{now_ms:x}-{frame.serial:x}-{digest[:4].hex()}"
        record.messages = self._composer.messages(panel, meaning, prefix)
        self._repeats.add(record)
        if frame.command == SEND:
            self._askers[record.id] = _Asker(link, frame, arrived)
            link.awaited += 1
        self._accept(record, self._states.take(frame.source, meaning.states, registered=panel.registered))

    def _accept(self, record: Record, states: dict[str, Known | None]) -> None:
        """Write a record down; publish it when it is on the disk."""
        statements = statements_of(record, states, self._composer.take_used())
        self._journal.write(statements, partial(self.publisher.add, record), first=record.urgent)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    # --- answers ---

    def _answer_again(self, record: Record, asker: _Asker) -> None:
        if asker.frame.command != SEND:
            return
        if record.stored:
            asker.link.reply(asker.frame, CONFIRM)
            return
        waiting = self._askers.get(record.id)
        if waiting is not None:
            waiting.link.awaited -= 1
            asker.arrived = waiting.arrived
        asker.link.awaited += 1
        self._askers[record.id] = asker

    def _confirm_heartbeat(self, link: Link, frame: Frame, panel: Panel) -> None:
        if frame.command == SEND:
            reply = panel.profile.heartbeats.get(frame.adu.hex(), "") if len(frame.adu) == 1 else ""
            link.reply(frame, CONFIRM, bytes.fromhex(reply))

    def stored(self, record: Record) -> None:
        """All of a record is committed: confirm it to the panel."""
        asker = self._askers.pop(record.id, None)
        if asker is None:
            return
        asker.link.awaited -= 1
        asker.link.reply(asker.frame, CONFIRM)
        FRAMES.labels("confirmed").inc()
        if record.urgent:
            CONFIRM_SECONDS.observe(self._clock.monotonic() - asker.arrived)

    def settled(self, record: Record) -> None:
        """Nothing of a record can be lost any more."""
        self._journal.settle(record, int(self._clock.now().timestamp() * 1000))

    def expire(self) -> None:
        """Let go of what is older than a retransmission can be; call every few seconds."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        self._repeats.expire(now_ms)
        self._journal.write([("drop_settled", (now_ms - WINDOW_MS,))])
        if len(self._life) > LIVES:
            self._life.clear()  # strangers by the thousand; at worst a sign of life comes early

    # --- the link itself ---

    def _sign_of_life(self, panel: Panel, now: float) -> None:
        if now - self._life.get(panel.address, -LIFE_EVERY_S) >= LIFE_EVERY_S:
            self._life[panel.address] = now
            offset = self._offsets.pop(panel.address, None)
            self._own(panel, self._composer.sign_of_life(panel, self._clock.now(), offset))

    def _tell(self, panel: Panel, kind: EventType, text: str, **extra: object) -> None:
        self._own(panel, self._composer.of_link(panel, self._clock.now(), kind, text, **extra))

    def _own(self, panel: Panel, message: Message) -> None:
        now_ms = int(self._clock.now().timestamp() * 1000)
        digest = secrets.token_bytes(16)  # nothing of a panel's can repeat it
        self._accept(Record(self._new_id(), panel.address, digest, received_ms=now_ms, messages=[message]), {})

    def _watch_sharing(self, link: Link, caller: Caller) -> None:
        """The first link speaking on beside a second one means that two devices use one address."""
        address = caller.address
        if address in self._shared or self.door.links_of(address) < 2 or self.door.link_of(address) is not link:
            return
        self._shared.add(address)
        panel = self._registry.panel(address)
        log.warning("address on two live links", device=panel.code, peer=link.host)
        self._tell(panel, EventType.TAMPER, "同一地址同时在两条连接上通信，请核对设备地址")

    def _announce(self, panel: Panel, *, online: bool) -> None:
        topic = Topic(panel.area, Kind.PANEL, panel.code, Channel.STATUS)
        self.publisher.announce(topic, Status(online=online, ts=self._clock.now()))
