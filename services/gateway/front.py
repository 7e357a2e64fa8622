"""What links tell, sorted: frames to the intake, replies to the commands, comings and goings to presence.

It is the `Post` of link.py. Whatever raises in it costs one unit of work, see border.py.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from services.core.aside import Unit
from services.core.clock import Clock
from services.core.log import logger
from services.core.metrics import FRAMES
from services.gateway.border import Border
from services.gateway.bounds import Arrival
from services.gateway.commands import Commands
from services.gateway.confirms import Asker
from services.gateway.downlink import Exchange
from services.gateway.frames import CONTROL, REQUEST, SEND, Damage
from services.gateway.intake import Intake, heard_as
from services.gateway.limits import Bucket
from services.gateway.link import Link
from services.gateway.meaning import CHECKSUM_WRONG
from services.gateway.misread import Copies, Misread
from services.gateway.objects import holds_fire, read_unit
from services.gateway.post import Caller, Said
from services.gateway.profiles import Profile
from services.gateway.registry import Registry

log = logger(__name__)

MISREAD_OF_PANEL = 1_000  # damages of one of ours: a whole building's states, said in turn
PANELS_MISREAD = 1_000  # whose damages are remembered


class Front:
    """`commands` is set by main before the first link."""

    commands: Commands

    def __init__(self, intake: Intake, registry: Registry, clock: Clock, border: Border) -> None:
        self._intake = intake
        self._presence = intake.presence
        self._registry = registry
        self._clock = clock
        self._border = border
        self._misread: OrderedDict[bytes, Misread] = OrderedDict()  # of registered panels, the newest last
        self._strangers_told = Bucket(0.1, 10, clock.monotonic())  # lines in the log

    def around(self, unit: Unit | Callable[[], Unit]) -> AbstractContextManager[None]:
        """Draw the border around one unit of work."""
        return self._border.around(unit)

    # --- who speaks ---

    def profile_of(self, link: Link, address: bytes) -> Profile | None:
        """Return the profile of an address if it may call from there."""
        profile = self._registry.panel(address).profile
        return profile if profile.allows(link.host) else None

    def has_room(self, address: bytes) -> bool:
        """Whether a link of an address that nobody registered may stay."""
        door = self._presence.door
        return door.link_of(address) is not None or door.has_room()

    def checksum_of(self, link: Link, address: bytes) -> str:
        """Return the name of the checksum that an address uses now.

        Not that of its newest sound frame: once a wrong one was set and corrected, no frame would be sound any more.
        """
        profile, caller = self._registry.panel(address).profile, link.callers.get(address)
        if caller is not None and caller.profile.checksum != profile.checksum and not profile.allows(link.host):
            return caller.profile.checksum  # another network is allowed by now: this link stays as it is until it ends
        return profile.checksum

    def is_registered(self, address: bytes) -> bool:
        """Say whether a person put this address into the registry."""
        return self._registry.panel(address).registered

    def keep(self, link: Link, said: Said, then: Callable[[], None] | None) -> None:
        """Put a stranger's frame into the journal, then find out whether somebody registered it just now."""
        self._intake.look_ups.keep(link.host, said, then)

    def let_go(self, said: Said) -> None:
        """A frame that was kept is not wanted."""
        self._intake.look_ups.let_go(said.kept)

    # --- what is said ---

    def next_number(self) -> int:
        """Return the number of one more frame that was heard."""
        return self._intake.next_number()

    def first_word(self, link: Link, caller: Caller) -> None:
        """Tell that a panel is there, or that its address speaks on a second link."""
        self._presence.first_word(link, caller, is_fire=holds_fire(read_unit(caller.last.adu)))

    def frame(self, link: Link, caller: Caller, said: Said) -> None:
        """Take one frame."""
        frame, unit = said.frame, said.unit
        self._presence.sound(link, frame)
        if frame.version_main != 1:
            FRAMES.labels("other_version").inc()
        if frame.command in {CONTROL, REQUEST}:
            FRAMES.labels("wrong_direction").inc()
            if not said.urgent:
                self.let_go(said)
                return
        frame = heard_as(frame)
        if frame.command != SEND:
            exchange = caller.exchanges.answered(frame, unit)
            if exchange is not None:
                with self._border.around(Unit("answer", f"{frame.source.hex()}:{frame.serial}")):
                    self.commands.answered(exchange, frame, unit, self._registry.panel(caller.address).profile)
        taken = True
        if frame.command == SEND or unit.flag is not None:
            asker = Asker(link, frame, said.arrived)
            arrival = Arrival(
                link.host, self._clock.now(), asker, id(link), caller.frames == 1, said.kept, said.leads, said.number
            )
            taken = self._intake.take_data(frame, unit, arrival)
        self.let_go(said)
        if taken:
            self._presence.sign_of_life(self._registry.panel(caller.address), link.host, said.arrived)

    def garbled(self, link: Link, claimed: bytes) -> None:
        """Tell that a panel of ours is not understood."""
        self._presence.garbled(link, claimed)

    def misread_of(self, link: Link, address: bytes) -> Misread | None:
        """Return the damages of a panel of ours: it may dial in anew for each copy."""
        panel = self._registry.panel(address)
        if not panel.registered or not panel.profile.allows(link.host):
            return None
        found = self._misread.pop(address, None) or Misread(MISREAD_OF_PANEL)
        self._misread[address] = found
        if len(self._misread) > PANELS_MISREAD:
            self._misread.popitem(last=False)
        return found

    def misread(self, link: Link, damage: Damage, copies: Copies) -> None:
        """Tell that a panel of ours is not understood in what it repeats.

        A fire in it counts, once for all copies, and is not confirmed.
        """
        frame = damage.header
        panel = self._registry.panel(frame.source)
        if not panel.registered:
            if self._strangers_told.take(1, self._clock.monotonic()):
                log.warning(
                    "stranger_not_understood", address=frame.source.hex(), peer=link.host, flaw=str(damage.flaw)
                )  # somebody may stand beside a new panel and wonder why it does not appear
            return
        if not panel.profile.allows(link.host):
            return
        self._presence.misread(panel, link)
        unit = read_unit(frame.adu)
        if holds_fire(unit) and not copies.taken:
            FRAMES.labels("misread_fire").inc()
            unit = replace(unit, notes=(*unit.notes, CHECKSUM_WRONG))
            copies.taken = self._intake.take_data(heard_as(frame), unit, Arrival(link.host, self._clock.now()))

    def failed(self, link: Link, caller: Caller, exchange: Exchange) -> None:
        """Hand on that a panel did not answer; its link may be dead while it speaks on another."""
        device = self._registry.panel(caller.address).code
        log.info("panel_did_not_answer", device=device, type_flag=exchange.flag, peer=link.host)
        self._presence.unanswered(link, caller)
        if link.is_leaving or caller.address not in link.callers:
            self.commands.cut_off(exchange)
        else:
            self.commands.failed(exchange, "the panel did not answer 设备无应答")

    def left(self, link: Link, caller: Caller) -> None:
        """Tell what it means for an address, and for what was said to it there, that it was taken off a link."""
        self._presence.left(link, caller.address)
        for exchange in caller.exchanges.drop():
            self.commands.cut_off(exchange)

    def closed(self, link: Link) -> None:
        """Tell what a closed link means for its addresses, and for what was said to them on it."""
        self._presence.closed(link)
        for caller in link.callers.values():
            for exchange in caller.exchanges.drop():
                self.commands.cut_off(exchange)
