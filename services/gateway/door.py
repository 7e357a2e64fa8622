"""Who may come in and stay: admission, the links by address, and the clock that looks after all of them.

Used by main.py. Promises: strangers use up the strangers' room only; a second link with a live address never
displaces the first.
"""

from collections import OrderedDict

from services.core.aside import Unit
from services.core.clock import Clock
from services.core.log import logger
from services.core.metrics import FRAMES, LINKS
from services.gateway.limits import Bucket, Limits, Strangers
from services.gateway.link import Link
from services.gateway.post import Post
from services.gateway.profiles import Profiles

log = logger(__name__)

TICK_S = 0.25


class Door:
    """All `links`. `new_link` is what the TCP server calls for a connection."""

    def __init__(self, post: Post[Link], clock: Clock, limits: Limits, profiles: Profiles) -> None:
        self._post = post
        self._clock = clock
        self._limits = limits
        self._profiles = profiles
        self._unnamed: OrderedDict[Link, None] = OrderedDict()
        self.links: set[Link] = set()
        self._strangers = Strangers(limits, clock.monotonic())
        self._refusals = Bucket(1, 10, clock.monotonic())  # that are worth a line in the log
        self._by_address: dict[bytes, list[Link]] = {}

    def new_link(self) -> Link:
        """Make the protocol of a new connection."""
        return Link(self._post, self._clock, self._limits, self._strangers, self._admit)

    def _admit(self, link: Link) -> bool:
        if not any(profile.allows(link.host) for profile in self._profiles.values()):
            FRAMES.labels("refused_network").inc()
            if self._refusals.take(1, self._clock.monotonic()):
                log.warning("network_not_allowed", peer=link.host, cure="add it to the networks of a profile")
            return False
        if len(self.links) >= self._limits.links:
            FRAMES.labels("refused_full").inc()
            return False
        if len(self._unnamed) >= self._limits.unnamed_links:
            oldest = next(iter(self._unnamed))
            del self._unnamed[oldest]
            oldest.close("others wait for its place")
        self.links.add(link)
        self._unnamed[link] = None
        LINKS.set(len(self.links))
        return True

    def has_room(self) -> bool:
        """Whether one more link of an address that nobody registered may stay."""
        return len(self.links) - len(self._unnamed) < self._limits.unknown_links

    def claim(self, link: Link, address: bytes) -> Link | None:
        """Note that an address speaks on a link; return the link it speaks on already, if there is one."""
        self._unnamed.pop(link, None)
        links = self._by_address.setdefault(address, [])
        links[:] = [one for one in links if not one.is_leaving]
        links.append(link)
        return links[0] if len(links) > 1 else None

    def link_of(self, address: bytes) -> Link | None:
        """Return the link to speak to an address on: the first that is open."""
        return next((link for link in self._by_address.get(address, ()) if not link.is_leaving), None)

    def links_of(self, address: bytes) -> int:
        """Return on how many links an address speaks."""
        return sum(not link.is_leaving for link in self._by_address.get(address, ()))

    def silent_link(self, address: bytes, since: float) -> Link | None:
        """Return the link on which an address was heard longest ago, if that was before `since`."""
        heard = [
            (link.callers[address].heard, number, link)
            for number, link in enumerate(self._by_address.get(address, ()))
            if not link.is_leaving and address in link.callers
        ]
        at, _, link = min(heard, default=(since, 0, None))
        return link if at < since else None

    def forget(self, link: Link) -> list[bytes]:
        """Take a closed link out; return the addresses that have none left."""
        self.links.discard(link)
        self._unnamed.pop(link, None)
        LINKS.set(len(self.links))
        return [address for address in link.callers if self.leave(link, address)]

    def leave(self, link: Link, address: bytes) -> bool:
        """Take an address off a link; return whether it has none left."""
        links = self._by_address.get(address, [])
        if link in links:
            links.remove(link)
        if links:
            return False
        self._by_address.pop(address, None)
        return True

    async def run(self) -> None:
        """Look after every link a few times a second until cancelled."""
        while True:
            now = self._clock.monotonic()
            for link in list(self.links):
                with self._post.around(Unit("link", link.host)):
                    link.tick(now)
            await self._clock.sleep(TICK_S)

    def close(self) -> None:
        """Hang up on everybody."""
        for link in list(self.links):
            link.close("the gateway ends")
