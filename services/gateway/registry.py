"""Which panel an address is, and the commands that wait for it: the gateway's side of the database.

Used by main.py and downlink.py. Promises: the database being away costs neither links nor events (ingest stores those);
what was known stays known, also over a restart.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import asyncpg

from services.core.aside import Unit
from services.core.clock import Clock
from services.core.db import create_pool, is_away, pass_on_cancel
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error
from services.core.topics import Channel, Kind, Topic, parse_topic
from services.gateway.border import Border
from services.gateway.journal import Journal
from services.gateway.profiles import DEFAULT, Profile, Profiles
from services.gateway.records import PanelRow, Remembered

log = logger(__name__)
QUERIES = load_queries(__file__)

REFRESH_S = 3.0
ASK_WITHIN_S = 1.0  # then a stranger stays one
ASK_EVERY_S = 0.02  # all that were asked about meanwhile in one query
STATEMENT_TIMEOUT_S = 5.0
ADDRESS_BYTES = 6
CROWD = "utd-unregistered"
LOOK_UP, REFRESH = Unit("registry", "look-up", fire=True), Unit("registry", "refresh", fire=True)


@dataclass(frozen=True, slots=True)
class Panel:
    """One transmission device: its name on MQTT and how it speaks."""

    address: bytes
    code: str
    area: str
    profile: Profile
    registered: bool  # by a person; else it appears as discovered


class Registry:
    """Panels by address, refreshed from the database every few seconds."""

    def __init__(self, dsn: str, clock: Clock, profiles: Profiles, default_area: str, border: Border) -> None:
        self._dsn = dsn
        self._border = border
        self._clock = clock
        self._profiles = profiles
        self._default_area = default_area
        self._pool: asyncpg.Pool | None = None
        self._panels: dict[bytes, Panel] = {}
        self._rows: list[PanelRow] = []
        self._orphans: dict[str, str] = {}  # devices of their own whose gateway is to be noted, and it
        self._adopted: dict[str, str] = {}
        self._asked: list[tuple[bytes, Callable[[], None]]] = []
        self._wake = asyncio.Event()
        self.loaded = False

    def restore(self, remembered: Remembered) -> None:
        """Start with what was known before, in case the database is away now."""
        if remembered.panels:
            self._take(remembered.panels)

    def panel(self, address: bytes) -> Panel:
        """Return the panel of an address; one nobody registered is named after it."""
        known = self._panels.get(address)
        if known is not None:
            return known
        return Panel(address, f"utd-{address.hex()}", self._default_area, self._profiles[DEFAULT], registered=False)

    def crowd(self) -> Panel:
        """Return the device that speaks for all strangers that are too many to speak one by one."""
        return Panel(bytes(ADDRESS_BYTES), CROWD, self._default_area, self._profiles[DEFAULT], registered=True)

    def ask(self, address: bytes, then: Callable[[], None]) -> None:
        """Look whether a stranger was registered since the last refresh; `then` is called in any case, and soon."""
        self._asked.append((address, then))
        self._wake.set()

    async def answer(self) -> None:
        """Look up what is asked about, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, []
            try:
                async with asyncio.timeout(ASK_WITHIN_S):
                    rows = await self.fetch(QUERIES["asked"], [address.hex() for address, _ in asked])
                self._panels |= self._read(map(_row, rows))
                self._border.over(LOOK_UP.kind, LOOK_UP.name)
            except Exception as error:  # noqa: BLE001  a look-up that fails leaves strangers strangers, no more
                pass_on_cancel()
                if is_away(error):
                    log.info("look_up_failed", asked=len(asked), error=describe_error(error))
                else:
                    self._border.note(LOOK_UP, error)
            for address, then in asked:
                with self._border.around(Unit("address", address.hex(), fire=True)):
                    then()
            await self._clock.sleep(ASK_EVERY_S)

    def address_of(self, code: str) -> bytes | None:
        """Return the address of a panel by its code."""
        for address, panel in self._panels.items():
            if panel.code == code:
                return address
        name, _, digits = code.partition("-")
        try:
            return bytes.fromhex(digits) if name == "utd" and len(digits) == 12 else None
        except ValueError:
            return None

    def adopt(self, codes: Iterable[str], gateway: str) -> None:
        """Note through which panel these devices report; written with the next refresh after ingest has met them."""
        for code in codes:
            if self._adopted.get(code) != gateway:
                self._orphans[code] = gateway

    def _take(self, rows: list[PanelRow]) -> None:
        self._panels, self._rows, self.loaded = self._read(rows), rows, True

    def _read(self, rows: Iterable[PanelRow]) -> dict[bytes, Panel]:
        panels: dict[bytes, Panel] = {}
        for row in rows:
            with self._border.around(Unit("panel", str(row[1]), fire=True)):
                panel = self._panel_of(row)
                panels[panel.address] = panel
                self._border.over("panel", panel.code)
        return panels

    def _panel_of(self, row: PanelRow) -> Panel:
        """Return what a row says.

        Raises:
            ValueError: its address or area is none; that panel alone is not known.
        """
        address, code, area, name, registered = row
        profile = self._profiles.get(name or DEFAULT)
        if profile is None:
            log.error("profile_unknown", device=code, profile=name, cure="add it to the profiles or correct it")
            profile = self._profiles[DEFAULT]
        raw = bytes.fromhex(address)
        if len(raw) != ADDRESS_BYTES:
            raise ValueError(f"gateway_address {address!r} of {code} is not six bytes in hex")
        if parse_topic(str(Topic(area, Kind.PANEL, code, Channel.EVENT))) is None:
            raise ValueError(f"area {area!r} and code {code!r} make no topic")
        return Panel(raw, code, area, profile, registered)

    async def run(self, journal: Journal) -> None:
        """Refresh until cancelled. The database coming and going is told once each time."""
        away = False
        while True:
            try:
                await self._refresh(journal)
                away = False
                self._border.over(REFRESH.kind, REFRESH.name)
            except Exception as error:  # noqa: BLE001  what was known stays known; tried again in a moment
                pass_on_cancel()
                if not is_away(error):
                    self._border.note(REFRESH, error)
                elif not away:
                    log.warning("database_away", error=describe_error(error))
                away = True
            await self._clock.sleep(REFRESH_S if self.loaded else 0.3)

    async def _refresh(self, journal: Journal) -> None:
        rows = map(_row, await self.fetch(QUERIES["panels"]))
        unique = sorted({row[0]: row for row in rows}.values())
        if unique != self._rows or not self.loaded:
            self._take(unique)
            self._journal_copy(journal)
        orphans = dict(self._orphans)
        if orphans:
            await self.execute(QUERIES["adopt"], list(orphans), list(orphans.values()))
            for row in await self.fetch(QUERIES["adopted"], list(orphans)):
                code = row["code"]
                self._adopted[code] = orphans[code]
                if self._orphans.get(code) == orphans[code]:
                    del self._orphans[code]

    def _journal_copy(self, journal: Journal) -> None:
        journal.write([("drop_panels", ()), *(("add_panel", row) for row in self._rows)])

    @property
    def rows(self) -> list[PanelRow]:
        """What is known, as the journal keeps it."""
        return self._rows

    async def ready_pool(self) -> asyncpg.Pool:
        """Return connections, opened at the first need."""
        if self._pool is None:
            self._pool = await create_pool(
                self._dsn, program="gateway", size=4, statement_timeout_s=STATEMENT_TIMEOUT_S
            )
        return self._pool

    async def fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Run a query.

        Raises:
            one of db.AWAY: the database cannot answer now, or not this (`db.is_away` tells them apart).
        """
        return list(await (await self.ready_pool()).fetch(query, *values))

    async def execute(self, query: str, *values: object) -> None:
        """Run a statement; errors as `fetch`."""
        await (await self.ready_pool()).execute(query, *values)

    async def close(self) -> None:
        """Close connections."""
        if self._pool is not None:
            self._pool.terminate()
            await asyncio.sleep(0)


def _row(row: asyncpg.Record) -> PanelRow:
    return (row["address"], row["code"], row["area"], row["profile"], row["registered"])
