"""Registers the simulated fleet through the HTTP API, so that a newcomer sees named devices at believable places.

Called by `simulators.main` when there is an API key. Promises: what a person registered or changed is left alone; an
API that is away or refuses costs the names, never the simulation.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import httpx2

from services.core.clock import Clock
from services.core.log import logger
from services.core.text import describe_error
from services.core.topics import Kind
from simulators.fleet import FleetPlan
from simulators.places import Place, Site, code_of, place_of, site_body, site_of
from simulators.twin import INTERVAL_S, Twin, make_twin

log = logger(__name__)

PARALLEL = 4
FIRST_FRAMED_SITE = 25  # beyond the sites of the demo's MQTT fleet
FIRST = 500  # registered before the fleet reports; thousands more would keep a newcomer waiting
TIMEOUT_S = 10.0
_FORMS = ("aboveground", "aboveground", "underground", "crane")  # of hydrants, taking turns


class Registry:
    """The routes of the API that a simulation needs."""

    def __init__(
        self, url: str, api_key: str, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._clock = clock
        self._client = httpx2.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=False,  # an API on this machine is not behind the environment's proxy
        )
        self._sites: dict[str, Any] = {}

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def known_devices(self) -> set[str]:
        """Return the codes that somebody registered already."""
        return {device["code"] async for device in self._pages("/api/v1/devices") if device["status"] != "discovered"}

    async def ensure_site(self, site: Site) -> None:
        """Make a site unless one of that name is there."""
        if not self._sites:
            self._sites = {known["name"]: known["id"] async for known in self._pages("/api/v1/sites")}
        if site.name not in self._sites:
            answer = await self._client.post("/api/v1/sites", json=site_body(site))
            self._sites[site.name] = answer.raise_for_status().json()["id"]

    def site_id(self, site: Site | None) -> int | None:
        """Return the id of a site that `ensure_site` has seen."""
        return self._sites.get(site.name) if site is not None else None

    async def put_device(self, code: str, body: dict[str, Any]) -> None:
        """Register one device."""
        (await self._client.put(f"/api/v1/devices/{code}", json=body)).raise_for_status()

    async def known_grids(self) -> set[str]:
        """Return the ids of the grids there are."""
        return {grid["id"] async for grid in self._pages("/api/v1/grids")}

    async def put_grid(self, grid_id: str, body: dict[str, Any]) -> None:
        """Register one grid."""
        (await self._client.put(f"/api/v1/grids/{grid_id}", json=body)).raise_for_status()

    async def add_inspection(self, body: dict[str, Any]) -> None:
        """Send what somebody found at a device."""
        (await self._client.post("/api/v1/inspections", json=body)).raise_for_status()

    async def make_account(self, code: str) -> str:
        """Return the password of a new MQTT account of the device."""
        answer = await self._client.post(f"/api/v1/devices/{code}/credentials")
        return str(answer.raise_for_status().json()["password"])

    async def open_test_window(self, twin: Twin, minutes: float) -> None:
        """Announce a test of the panel's site; without a site or an API the alarms of the test are real ones."""
        site_id = self.site_id(twin.place.site)
        if site_id is None:
            return
        try:
            until = self._clock.now() + timedelta(minutes=minutes)
            body = {
                "until": until.isoformat(timespec="seconds"),
                "reason": "每周主机测试（模拟）weekly panel test (simulated)",
            }
            (await self._client.post(f"/api/v1/sites/{site_id}/test-window", json=body)).raise_for_status()
        except httpx2.HTTPError as error:
            log.warning("test_window_not_announced", site_id=site_id, error=describe_error(error))

    async def _pages(self, path: str) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            params = {"limit": "1000"} | ({"cursor": cursor} if cursor else {})
            page = (await self._client.get(path, params=params)).raise_for_status().json()
            for item in page["items"]:
                yield item
            cursor = page["next"]
            if cursor is None:
                return


def device_body(kind: Kind, number: int, place: Place, plan: FleetPlan, site_id: int | None) -> dict[str, Any]:
    """Return a device as the HTTP API takes it."""
    interval_s = plan.scenario.intervals_s.get(kind, INTERVAL_S[kind])
    body: dict[str, Any] = {
        "kind": kind,
        "area": place.area,
        "name": place.name,
        "location": {"lon": place.lon, "lat": place.lat},
        "source_datum": "wgs84",
        "address": place.address,
        "owner": "模拟 simulated",
        "maintainer": "模拟 simulated",
        "expected_interval_s": max(1, round(interval_s)),
        "sleepy": False,
    }
    if site_id is not None:
        body["site"] = site_id
    traits = make_twin(kind, number, place=place, seed=plan.seed, at_s=0.0).traits
    if kind is Kind.HYDRANT:
        body["form"] = _FORMS[number % len(_FORMS)]
    elif kind is Kind.WATER:
        body["form"] = traits.form
    elif kind is Kind.ELECTRICAL:
        body["rated_current_a"] = traits.rated_current_a
    return body


Devices = list[tuple[Kind, int]]


async def register_fleet(registry: Registry, plan: FleetPlan, *, own_accounts: int) -> tuple[dict[str, str], Devices]:
    """Register the first devices that nobody registered yet, panels first.

    Returns:
        The passwords of devices with an account of their own, and the devices left for `register_rest`.
    """
    fleet = [(kind, number) for kind in reversed(Kind) for number in range(1, plan.counts.get(kind, 0) + 1)]
    try:
        known = await registry.known_devices()
        for number in range(1, plan.sites + 1):
            await registry.ensure_site(site_of(number))
        unknown = [device for device in fleet if code_of(*device) not in known]
        await _register(registry, plan, unknown[:FIRST])
        own = [code_of(*device) for device in fleet[:own_accounts]]
        passwords = {code: await registry.make_account(code) for code in own}
    except httpx2.HTTPError as error:
        log.warning("fleet_not_registered", error=describe_error(error))
        return {}, []
    log.info("fleet_registered", devices=len(fleet), left=len(unknown[FIRST:]), own_accounts=len(passwords))
    return passwords, unknown[FIRST:]


async def register_rest(registry: Registry, plan: FleetPlan, devices: Devices) -> None:
    """Register what `register_fleet` left, while the fleet already reports."""
    try:
        await _register(registry, plan, devices)
    except httpx2.HTTPError as error:
        log.warning("rest_of_fleet_not_registered", error=describe_error(error))


async def register_framed(registry: Registry, addresses: Iterable[str]) -> None:
    """Register panels on the TCP wire by their address (hex, as the gateway names them)."""
    try:
        known = await registry.known_devices()
        for number, address in enumerate(addresses, FIRST_FRAMED_SITE):
            code, site = f"utd-{address}", site_of(number)
            if code in known:
                continue
            await registry.ensure_site(site)
            body = {
                "kind": Kind.PANEL,
                "area": site.area,
                "name": f"{site.name} 用户信息传输装置",
                "site": registry.site_id(site),
                "location": {"lon": site.lon, "lat": site.lat},
                "source_datum": "wgs84",
                "address": site.address,
                "owner": "模拟 simulated",
                "gateway_address": address,
            }
            await registry.put_device(code, body)
    except httpx2.HTTPError as error:
        log.warning("panels_not_registered", error=describe_error(error))


async def _register(registry: Registry, plan: FleetPlan, devices: Iterable[tuple[Kind, int]]) -> None:
    rest = iter(devices)

    async def work() -> None:
        for kind, number in rest:  # one iterator, shared by all workers
            place = place_of(kind, number, plan.sites)
            body = device_body(kind, number, place, plan, registry.site_id(place.site))
            await registry.put_device(code_of(kind, number), body)

    await asyncio.gather(*(work() for _ in range(PARALLEL)))
