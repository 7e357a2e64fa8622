"""Registering the fleet: what is new gets a name, what a person changed is left alone, an absent API costs nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson

from services.core.clock import SystemClock
from services.core.topics import Kind
from simulators.fleet import FleetPlan
from simulators.places import place_of
from simulators.registry import Registry, register_fleet, register_framed, register_rest
from simulators.twin import make_twin

PLAN = FleetPlan({Kind.HYDRANT: 2, Kind.ELECTRICAL: 1, Kind.WATER: 1, Kind.PANEL: 2})


class Api:
    """Just enough of the API, in memory."""

    def __init__(self, known: dict[str, str] | None = None, sites: tuple[str, ...] = ()) -> None:
        self.devices = [{"code": code, "status": status} for code, status in (known or {}).items()]
        self.sites = [{"id": number, "name": name} for number, name in enumerate(sites, 1)]
        self.put: dict[str, Any] = {}
        self.windows: list[tuple[str, Any]] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        assert request.headers["Authorization"] == "Bearer key"
        path, body = request.url.path, orjson.loads(request.content or b"null")
        if request.method == "GET":
            items = self.devices if path.endswith("/devices") else self.sites
            start = int(request.url.params.get("cursor", "0"))  # pages of one, to walk the cursor
            more = str(start + 1) if start + 1 < len(items) else None
            return httpx2.Response(200, json={"items": items[start : start + 1], "next": more})
        if path.endswith("/sites"):
            self.sites.append({"id": len(self.sites) + 1, "name": body["name"]})
            return httpx2.Response(201, json=self.sites[-1])
        if path.endswith("/test-window"):
            self.windows.append((path, body))
            return httpx2.Response(200, json={})
        if path.endswith("/credentials"):
            return httpx2.Response(201, json={"password": f"secret of {path.split('/')[-2]}"})
        self.put[path.rpartition("/")[2]] = body
        return httpx2.Response(201, json={})


def registry_to(answer: Callable[[httpx2.Request], httpx2.Response]) -> Registry:
    return Registry("http://api", "key", SystemClock(), transport=httpx2.MockTransport(answer))


async def test_every_new_device_is_registered_with_place_site_and_interval() -> None:
    api = Api()
    registry = registry_to(api.answer)
    passwords, rest = await register_fleet(registry, PLAN, own_accounts=1)
    assert api.put.keys() == {"HYD-00001", "HYD-00002", "ELE-00001", "WAT-00001", "PAN-00001", "PAN-00002"}
    assert rest == []
    assert passwords == {"PAN-00001": "secret of PAN-00001"}
    panel, hydrant, circuit = (api.put[code] for code in ("PAN-00001", "HYD-00001", "ELE-00001"))
    assert panel["site"] == circuit["site"] == 1
    assert panel["expected_interval_s"] == 60
    assert "site" not in hydrant
    assert hydrant["form"] in {"aboveground", "underground", "crane"}
    assert circuit["rated_current_a"] > 0
    assert len(api.sites) == PLAN.sites == 2
    await registry.close()


async def test_what_a_person_registered_is_left_alone_and_sites_are_not_made_twice() -> None:
    first = Api()
    await register_fleet(registry_to(first.answer), PLAN, own_accounts=0)
    names = tuple(site["name"] for site in first.sites)
    again = Api({"HYD-00001": "online", "HYD-00002": "discovered", "PAN-00001": "out_of_service"}, names)
    await register_fleet(registry_to(again.answer), PLAN, own_accounts=0)
    assert "HYD-00001" not in again.put
    assert "PAN-00001" not in again.put
    assert "HYD-00002" in again.put
    assert len(again.sites) == 2


async def test_a_large_fleet_reports_before_all_of_it_is_registered() -> None:
    api = Api()
    registry = registry_to(api.answer)
    plan = FleetPlan({Kind.WATER: 620})
    _, rest = await register_fleet(registry, plan, own_accounts=0)
    assert len(api.put) == 500
    await register_rest(registry, plan, rest)
    assert len(api.put) == 620


async def test_an_api_that_refuses_costs_the_names_and_nothing_else() -> None:
    def refuse(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(503)

    assert await register_fleet(registry_to(refuse), PLAN, own_accounts=3) == ({}, [])
    await register_rest(registry_to(refuse), PLAN, [(Kind.WATER, 1)])


async def test_panels_on_the_tcp_wire_get_the_code_of_their_address_and_a_site() -> None:
    api = Api()
    await register_framed(registry_to(api.answer), [(140_931_000_000).to_bytes(6, "little").hex()])
    ((code, body),) = api.put.items()
    assert code == "utd-" + body["gateway_address"]
    assert body["kind"] == "panel"
    assert body["site"] == 1


async def test_a_panel_test_is_announced_for_its_site() -> None:
    api = Api()
    registry = registry_to(api.answer)
    await register_fleet(registry, PLAN, own_accounts=0)
    twin = make_twin(Kind.PANEL, 2, place=place_of(Kind.PANEL, 2, PLAN.sites), seed=1, at_s=0.0)
    await registry.open_test_window(twin, 20)
    ((path, body),) = api.windows
    assert path == "/api/v1/sites/2/test-window"
    assert 19 * 60 < (datetime.fromisoformat(body["until"]) - datetime.now(UTC)).total_seconds() <= 20 * 60
    hydrant = make_twin(Kind.HYDRANT, 1, place=place_of(Kind.HYDRANT, 1, 1), seed=1, at_s=0.0)
    await registry.open_test_window(hydrant, 20)
    assert len(api.windows) == 1
