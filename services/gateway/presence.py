"""What the links themselves say: a panel is there or gone, two links with one address, nothing but damaged frames.

Used by intake.py. Each is an event or a status of its panel; a sign of life becomes a reading at most once a minute.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from services.core.clock import Clock
from services.core.contracts import EventType, Status
from services.core.log import logger
from services.core.metrics import FRAMES
from services.core.topics import Channel, Kind, Topic
from services.gateway.compose import Composer
from services.gateway.door import Door
from services.gateway.downlink import UNANSWERED_AFTER_S
from services.gateway.frames import Frame
from services.gateway.link import Link
from services.gateway.lookups import SAYS_NOTHING
from services.gateway.post import Caller
from services.gateway.publish import Publisher
from services.gateway.records import Message, Record
from services.gateway.registry import Panel, Registry

if TYPE_CHECKING:
    from services.gateway.budget import Budget

log = logger(__name__)

LINKS_PER_ADDRESS = 4
SILENT_S = 60.0  # twice the usual heartbeat: of more links than that the one that is silent for longer goes
GARBLED = "报文"  # a component of its own, for the device's own line fault is another condition
LIVES = 20_000
LIFE_EVERY_S = 60.0  # a heartbeat becomes a reading of the panel at most this often


class Presence:
    """`publisher` and `door` are set by main before the first link; `own` writes down what the gateway says itself.

    `may_follow` says whether there is room for a sign of life after the last one of its panel.
    """

    publisher: Publisher
    door: Door

    def __init__(  # noqa: PLR0917 - the parts it joins
        self,
        registry: Registry,
        composer: Composer,
        clock: Clock,
        budget: "Budget",
        own: Callable[[Panel, Message], Record],
        may_follow: Callable[[Panel, Record | None], bool],
    ) -> None:
        self._registry = registry
        self._composer = composer
        self._clock = clock
        self._budget = budget
        self._own = own
        self._may_follow = may_follow
        self._life: dict[bytes, tuple[float, Record]] = {}  # of each address its last sign of life
        self.offsets: dict[bytes, float] = {}  # of panels' clocks, told with the next sign of life
        self._garbled: dict[bytes, bool] = {}  # addresses of ours with damaged frames; True: heartbeats may be sound
        self._shared: set[bytes] = set()  # addresses that were reported to speak on two live links

    def counts(self, panel: Panel, peer: str) -> bool:
        """Whether anything may be told of a panel: beyond their budget, strangers make no devices."""
        return panel.registered or self._budget.let_in(panel.address, peer, self._clock.monotonic())

    def first_word(self, link: Link, caller: Caller, *, is_fire: bool) -> None:
        """Tell that a panel is there, or that its address speaks on a second link."""
        panel = self._registry.panel(caller.address)
        first = self.door.claim(link, caller.address)
        if is_fire and not panel.registered and not self._budget.knows(panel.address):
            return  # a fire has a budget of its own, and is to be told before anything else
        if not self.counts(panel, link.host):
            FRAMES.labels("over_budget_device").inc()
            return
        log.info("panel_connected", device=panel.code, peer=link.host, second_link=first is not None)
        if first is None:
            self._announce(panel, online=True)
            return
        FRAMES.labels("second_link").inc()
        if self.door.links_of(caller.address) > LINKS_PER_ADDRESS:
            silent = self.door.silent_link(caller.address, self._clock.monotonic() - SILENT_S)
            if silent is None:
                link.close("too many links with one address")  # what it said is taken all the same
                return
            silent.part_with(silent.callers[caller.address], "too many links with one address")
        known = None if first.is_leaving else first.callers.get(caller.address)  # None: it was the silent one
        end = "保留" if known is not None else "长时间无通信，不再使用"
        text = f"同一地址出现第二条连接：原连接 {first.host}，新连接 {link.host}；原连接{end}"
        self.tell(panel, EventType.OPERATION, text, peers=[first.host, link.host])
        if known is not None:
            first.probe(known)  # a dead one is found out by its silence, a live one by its answer

    def unanswered(self, link: Link, caller: Caller) -> None:
        """Give up a link on which a panel neither answers nor speaks while it has another: it dialled in again.

        A middlebox may keep the dead one open for hours, and what we say goes out on the first.
        """
        if link.callers.get(caller.address) is not caller:
            return  # another exchange of it ran out in the same turn
        silent_s = self._clock.monotonic() - caller.heard
        if silent_s >= UNANSWERED_AFTER_S and self.door.links_of(caller.address) > 1:
            link.part_with(caller, "silent beside another link of its address")

    def closed(self, link: Link) -> None:
        """Tell what a closed link means for its addresses."""
        self._tell_gone(self.door.forget(link), link.callers)

    def left(self, link: Link, address: bytes) -> None:
        """Tell what it means that an address was taken off a link."""
        self._tell_gone([address] if self.door.leave(link, address) else [], [address])

    def _tell_gone(self, gone: Iterable[bytes], left: Iterable[bytes]) -> None:
        for address in gone:
            panel = self._registry.panel(address)
            if panel.registered or self._budget.knows(address):
                self._announce(panel, online=False)
        for address in self._shared.intersection(left):
            if self.door.links_of(address) < 2:
                self._shared.discard(address)
                self.tell(self._registry.panel(address), EventType.TAMPER, "同一地址只剩一条连接", active=False)

    def garbled(self, link: Link, claimed: bytes) -> None:
        """Tell that a panel of ours is not understood; its next sound frame ends that.

        `claimed`: the address that a damaged frame gives. It is all that is known where none of them is sound.
        """
        named = self._registry.panel(claimed)
        own = [claimed] if named.registered and named.profile.allows(link.host) else []
        for address in {*link.callers, *own}:
            panel = self._registry.panel(address)
            if panel.registered and address not in self._garbled:
                self._garbled[address] = False
                log.warning("only_damaged_frames", device=panel.code, peer=link.host)
                text = "连续收到损坏的报文，请检查线路和设备参数(校验方式)"
                self.tell(panel, EventType.LINE_FAULT, text, component=GARBLED)

    def misread(self, panel: Panel, link: Link) -> None:
        """Tell that a panel of ours repeats a damaged frame; its next sound frame with data ends that."""
        is_told = panel.address in self._garbled
        self._garbled[panel.address] = True
        if not is_told:
            log.warning("damaged_frame_repeated", device=panel.code, peer=link.host)
            text = "同一报文多次重发均已损坏，请检查设备参数(校验方式、长度)"
            self.tell(panel, EventType.LINE_FAULT, text, component=GARBLED)

    def sound(self, link: Link, frame: Frame) -> None:
        """Note a sound frame: it ends what was told of damaged ones, and shows whether two devices share an address."""
        address = frame.source
        if address in self._garbled and (not self._garbled[address] or len(frame.adu) >= SAYS_NOTHING):
            del self._garbled[address]
            panel = self._registry.panel(address)
            self.tell(panel, EventType.LINE_FAULT, "报文恢复正常", component=GARBLED, active=False)
        if address in self._shared or self.door.links_of(address) < 2 or self.door.link_of(address) is not link:
            return
        panel = self._registry.panel(address)
        if self.counts(panel, link.host):
            self._shared.add(address)
            log.warning("address_on_two_links", device=panel.code, peer=link.host)
            self.tell(panel, EventType.TAMPER, "同一地址同时在两条连接上通信，请核对设备地址")

    def sign_of_life(self, panel: Panel, peer: str, now: float) -> None:
        """Tell about once a minute that a panel was heard, unless the last time still waits to be told."""
        at, last = self._life.get(panel.address, (now - LIFE_EVERY_S, None))
        if now - at < LIFE_EVERY_S or not self._may_follow(panel, last) or not self.counts(panel, peer):
            return
        offset = self.offsets.pop(panel.address, None)
        record = self._own(panel, self._composer.sign_of_life(panel, self._clock.now(), offset))
        self._life[panel.address] = now, record

    def expire(self) -> None:
        """Let go of strangers by the thousand; at worst a sign of life comes early."""
        if len(self._life) > LIVES:
            self._life.clear()

    def tell(self, panel: Panel, kind: EventType, text: str, **extra: object) -> None:
        """Publish an event about a link of a panel."""
        now: datetime = self._clock.now()
        self._own(panel, self._composer.of_link(panel, now, kind, text, **extra))

    def _announce(self, panel: Panel, *, online: bool) -> None:
        topic = Topic(panel.area, Kind.PANEL, panel.code, Channel.STATUS)
        self.publisher.announce(topic, Status(online=online, ts=self._clock.now()))
