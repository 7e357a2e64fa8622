"""Puts the API together: the gate, the routes in the order of the contract, and what OpenAPI says of them."""

from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from services.api import pages
from services.api.alarms import acts, handover, incidents, notices, queue
from services.api.live import stream
from services.api.map import devices as map_devices
from services.api.map import ground, water
from services.api.measured import events, readings, rejects
from services.api.people import api_keys, audit, session, users
from services.api.policy import contacts, not_configured, policies, rules
from services.api.registry import areas, devices, imports, service, sites
from services.api.request import problems
from services.api.request.answers import answer, problem_described
from services.api.request.auth import Reader
from services.api.request.gate import Gate
from services.api.request.problems import ProblemDocument
from services.api.system import health, set_aside, slo, system

TITLE = "Firetower"
VERSION = "1"
COMPRESS_FROM_BYTES = 4096
SUMMARY = """Live status, alarms and history of a county's networked fire monitoring.

Sign in with `POST /api/v1/session`, or send `Authorization: Bearer <api key>`. Errors are `application/problem+json`.
Lists answer `{"items": […], "next": cursor}`: send `cursor=<next>` for the following part until `next` is null.
Writes take an `Idempotency-Key`; what has a version has an `ETag` for `If-Match`. Times are RFC 3339 with an offset,
positions WGS 84."""
# One believable answer of each model. Data, not code: a test holds each to its schema.
EXAMPLES: dict[str, Any] = orjson.loads(Path(__file__).with_name("examples.json").read_bytes())
ROUTERS: tuple[APIRouter, ...] = (
    health.router, session.router, imports.router, devices.router, service.router, readings.router, events.router,
    rejects.router, set_aside.router, queue.router, acts.router, sites.router, incidents.router, notices.router,
    water.router, stream.router, slo.router, system.router, handover.router, ground.router,
    map_devices.router, areas.router, users.router, api_keys.router, rules.router, not_configured.router,
    policies.router, contacts.router, audit.router,
)  # fmt: skip


def _operation_id(route: APIRoute) -> str:
    return route.name


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document."""
    if app.openapi_schema is None:
        document = get_openapi(title=TITLE, version=VERSION, description=SUMMARY, routes=app.routes)
        schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document["components"]["schemas"]
        schemas |= schema.pop("$defs", {})
        schemas[ProblemDocument.__name__] = schema
        _give_examples(schemas)
        for operation in (one for path in document["paths"].values() for one in path.values()):
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                operation["responses"] |= {
                    str(code): problem_described(code) for code in (408, 413, 415)
                }  # by the gate
        app.openapi_schema = document
    return app.openapi_schema


def _give_examples(schemas: dict[str, dict[str, Any]]) -> None:
    """Put the example of each model that names none itself to its schema; a page shows one item."""
    for name, schema in schemas.items():
        item = name.removeprefix("Page_").removesuffix("_")
        if item in schemas and item != name:
            example = schemas[item].get("examples", [EXAMPLES.get(item)])[0]
            schema["examples"] = [{"items": [example], "next": None}]
        elif name in EXAMPLES:
            schema["examples"] = [EXAMPLES[name]]


def build_app() -> FastAPI:
    """Return the app; `app.state.firetower` must be set before the first request."""
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=1)  # never the live stream
    app.add_middleware(Gate)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi_json(_who: Reader) -> Response:
        return answer(openapi_of(app))

    app.include_router(pages.router)
    return app
