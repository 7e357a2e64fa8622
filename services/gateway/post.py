"""What a link knows about who speaks on it, and to whom it hands what they say. Used by link.py, done by intake.py."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from services.gateway.downlink import Exchange, Exchanges
from services.gateway.frames import Frame
from services.gateway.profiles import Profile

if TYPE_CHECKING:
    from services.gateway.link import Link

SYNC_AFTER_S = 1.0  # of the first frame: whatever the panel came to say goes first


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

    def hear(self, frame: Frame, now: float) -> None:
        """Note one more frame: a sign of life."""
        self.last, self.heard = frame, now
        self.frames += 1
        self.probe_due = now + self.profile.idle_probe_s


class Post(Protocol):
    """What a link hands on."""

    def profile_of(self, link: "Link", address: bytes) -> Profile | None:
        """Return how an address speaks, None when it may not speak on this link."""

    def checksum_of(self, address: bytes) -> str:
        """Return the name of the checksum that an address uses."""

    def is_registered(self, address: bytes) -> bool:
        """Say whether a person put this address into the registry."""

    def ask(self, address: bytes, then: Callable[[], None]) -> None:
        """Find out whether somebody registered this address just now; `then` is called later, in any case."""

    def first_word(self, link: "Link", caller: Caller) -> None:
        """An address was heard on this link for the first time."""

    def frame(self, link: "Link", caller: Caller, frame: Frame, arrived: float) -> None:
        """Take a sound frame with a known command."""

    def garbled(self, link: "Link") -> None:
        """Nothing but damaged frames for a while; called for each further one, too."""

    def failed(self, link: "Link", caller: Caller, exchange: Exchange) -> None:
        """A message of the centre got no answer after all repeats."""

    def closed(self, link: "Link") -> None:
        """The link is gone."""
