"""What a link knows about who speaks on it, and to whom it hands what they say. Used by link.py, done by intake.py."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

from services.core.aside import Unit as WorkUnit
from services.gateway.downlink import Exchange, Exchanges
from services.gateway.frames import Damage, Frame
from services.gateway.misread import Copies, Misread
from services.gateway.naming import ends_all, told_of
from services.gateway.objects import Unit, holds_fire
from services.gateway.profiles import Profile

SYNC_AFTER_S = 1.0  # after the first frame: whatever the panel connected for goes first


@dataclass(slots=True)
class Caller:
    """One address that speaks on a link."""

    address: bytes
    profile: Profile
    last: Frame  # its newest frame: whom to answer, and in which version
    heard: float
    frames: int = 1
    exchanges: Exchanges = field(default_factory=Exchanges)
    sync_due: float = 0.0  # monotonic; 0: never
    probe_due: float = 0.0

    @classmethod
    def new(cls, frame: Frame, profile: Profile, now: float) -> Self:
        """Begin with the first frame."""
        sync_due = now + SYNC_AFTER_S if profile.clock_sync_s else 0.0
        return cls(frame.source, profile, frame, now, sync_due=sync_due, probe_due=now + profile.idle_probe_s)

    def speak_as(self, profile: Profile, now: float) -> None:
        """Go on by another profile, which a person gave it meanwhile: its clock is set by that one, too."""
        if profile is not self.profile:
            self.profile = profile
            self.sync_due = now + SYNC_AFTER_S if profile.clock_sync_s else 0.0

    def hear(self, frame: Frame, now: float) -> None:
        """Note one more frame: a sign of life."""
        self.last, self.heard = frame, now
        self.frames += 1
        self.probe_due = now + self.profile.idle_probe_s


@dataclass(slots=True)
class Said:
    """One sound frame as it came."""

    frame: Frame
    arrived: float  # monotonic
    unit: Unit
    number: int  # in the order in which frames were heard, of all links
    urgent: bool = field(init=False)  # it holds a fire
    ends_all: bool = field(init=False)
    told_of: frozenset[str] = field(init=False)  # keys of naming.py
    leads: bool = False  # a fire of the same component follows, so that it keeps its place before that
    kept: int | None = None  # its number in the journal, while its sender is looked up

    def __post_init__(self) -> None:
        self.urgent, self.ends_all, self.told_of = holds_fire(self.unit), ends_all(self.unit), told_of(self.unit)

    def bears_on(self, fire: Self) -> bool:
        """Whether a later fire of the same device would be another one without it, or would seem to be over by it."""
        return self.ends_all or fire.ends_all or self.tells_of_same(fire)

    def tells_of_same(self, other: Self) -> bool:
        """Whether it tells the state of something of which the other one does."""
        return not self.told_of.isdisjoint(other.told_of)


class Peer(Protocol):
    """What must be known of a link by whoever works on what it reads."""

    host: str
    is_refused: bool
    callers: dict[bytes, Caller]

    def go_on(self) -> None:
        """Work on what waits, in a turn of its own."""

    def reply(self, frame: Frame, command: int, adu: bytes = b"") -> None:
        """Answer a frame."""

    def close(self, reason: str) -> None:
        """Hang up."""

    def refuse(self, reason: str) -> None:
        """Hang up, and take nothing more of what came."""


L_contra = TypeVar("L_contra", contravariant=True)


class Post(Protocol[L_contra]):
    """What a link hands on; `L_contra` is the link."""

    def around(self, unit: WorkUnit | Callable[[], WorkUnit]) -> AbstractContextManager[None]:
        """Draw the border around one unit of work."""

    def profile_of(self, link: L_contra, address: bytes) -> Profile | None:
        """Return how an address speaks, None when it may not call from there."""

    def has_room(self, address: bytes) -> bool:
        """Whether a link of an address that nobody registered may stay."""

    def checksum_of(self, link: L_contra, address: bytes) -> str:
        """Return the name of the checksum that an address uses now, also on links that are open."""

    def is_registered(self, address: bytes) -> bool:
        """Say whether a person put this address into the registry."""

    def keep(self, link: L_contra, said: Said, then: Callable[[], None] | None) -> None:
        """Put a frame of an address that is not known into the journal, find out who it is; `then` is called later."""

    def let_go(self, said: Said) -> None:
        """A frame that was kept is not wanted."""

    def next_number(self) -> int:
        """Return the number of one more frame that was heard."""

    def first_word(self, link: L_contra, caller: Caller) -> None:
        """An address was heard on this link for the first time."""

    def frame(self, link: L_contra, caller: Caller, said: Said) -> None:
        """Take a sound frame with a known command."""

    def garbled(self, link: L_contra, claimed: bytes) -> None:
        """Nothing but damaged frames for a while, the newest of this address; called for each further one, too."""

    def misread_of(self, link: L_contra, address: bytes) -> Misread | None:
        """Return what is counted for a registered address over all its links; None: it is counted for this link."""

    def misread(self, link: L_contra, damage: Damage, copies: Copies) -> None:
        """A panel has sent the same damaged frame as often as it sends any, or once more as often."""

    def failed(self, link: L_contra, caller: Caller, exchange: Exchange) -> None:
        """A message of the centre got no answer after all repeats."""

    def left(self, link: L_contra, caller: Caller) -> None:
        """An address was taken off the link, on which others go on."""

    def closed(self, link: L_contra) -> None:
        """The link is gone, and everything it said is handed on."""
