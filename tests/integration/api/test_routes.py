"""Walks every route: nothing is answered to a stranger, and every route that is not public asks for a permission."""

import re
from typing import Any

from fastapi.routing import APIRoute

from services.api.live.hub import Hub
from services.api.request.auth import Allowed
from services.api.request.gate import is_public
from services.api.request.roles import Permission
from tests.integration.api.conftest import Client


def routes_of(app: Any) -> list[tuple[str, APIRoute]]:
    found, waiting = [], list(app.routes)
    while waiting:
        one = waiting.pop()
        if isinstance(one, APIRoute):
            found += [(method, one) for method in sorted(one.methods)]
        else:
            waiting += one.original_router.routes  # a router that was included; anything else fails here
    assert len(found) > 60
    return found


def _permissions(route: APIRoute) -> set[Permission]:
    found, waiting = set(), [route.dependant]
    while waiting:
        one = waiting.pop()
        if isinstance(one.call, Allowed):
            found.add(one.call.permission)
        waiting += one.dependencies
    return found


def path_of(route: APIRoute) -> str:
    names = {"code": "140931100", "id": "1", "username": "admin", "name": "drill", "build": "1", "check": "no_position"}
    names |= {"layer": "vec", "z": "1", "x": "1", "y": "1", "collection": "hydrants", "feature": "1", "path": "Things"}
    return re.sub(r"\{(\w+)(:path)?\}", lambda match: names[match[1]], route.path)


async def test_a_stranger_gets_nothing_but_the_public_paths(app: Any, stranger: Client) -> None:
    walked = 0
    for method, route in routes_of(app):
        path = path_of(route)
        if is_public(method, path) or path == "/metrics":
            continue
        answer = await stranger.request(method, path)
        assert answer.status_code == 401, (method, path, answer.status_code)
        assert answer.headers["content-type"] == "application/problem+json"
        walked += 1
    assert walked > 60


async def test_every_route_that_is_not_public_asks_for_a_permission(app: Any) -> None:
    for method, route in routes_of(app):
        if not is_public(method, path_of(route)) and route.path != "/metrics":
            assert _permissions(route), (method, route.path)


async def test_every_unsafe_route_asks_for_more_than_reading(app: Any) -> None:
    own_account = {f"/api/v1/session{of}" for of in ("", "/password", "/others", "/push")}
    for method, route in routes_of(app):
        if method not in {"GET", "HEAD"} and route.path not in own_account:
            assert _permissions(route) - {Permission.READ}, (method, route.path)


async def test_nothing_public_is_below_the_api(app: Any) -> None:
    public = {(method, path_of(route)) for method, route in routes_of(app) if is_public(method, path_of(route))}
    assert {path for method, path in public if path.startswith(("/api", "/geo"))} == {"/api/v1/session"}


async def test_a_viewer_reads_and_changes_nothing(app: Any, client: Client, visit: Any) -> None:
    made = await client.post("/api/v1/api-keys", json={"name": "viewer", "role": "viewer", "areas": ["*"]})
    viewer = visit(made.json()["key"])
    for method, route in routes_of(app):
        if method in {"GET", "HEAD"} or route.path.startswith("/api/v1/session"):
            continue
        answer = await viewer.request(method, path_of(route), json={})
        assert answer.status_code == 403, (method, route.path, answer.text)
    for path in ("users", "api-keys", "audit", "contacts"):
        assert (await viewer.get(f"/api/v1/{path}")).status_code == 403


async def test_head_is_answered_as_get_is_without_a_body(app: Any, client: Client, stranger: Client) -> None:
    own = {"date", "content-length", "etag"}  # of the body, which may tell the time
    asked = {path_of(route) for method, route in routes_of(app) if method == "GET"} - {"/api/v1/stream"}
    asked |= {
        "/static/js/main.js",
        "/static/linked/1/index.js",
        "/docs/scalar.js",
        "/api/v1/nowhere",
        "/static/nowhere.js",
    }
    for who in (client, stranger):
        for path in sorted(asked):
            got, head = await who.get(path), await who.head(path)
            assert head.status_code == got.status_code, path
            assert head.content == b"", path
            told = [{k: v for k, v in one.headers.items() if k not in own} for one in (got, head)]
            assert told[0] == told[1], path
            assert head.headers.keys() == got.headers.keys(), path
    stream = await client.head("/api/v1/stream")
    assert (stream.status_code, stream.content) == (200, b"")
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert not app.state.firetower.of(Hub).listened_to
    refused = await client.head("/api/v1/devices?limit=0")
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
