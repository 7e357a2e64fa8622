"""Puts the API together: the gate, the routes in the order of the contract, the pages."""

from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import Response

from services.api import openapi, pages
from services.api.alarms import acts, carried, expectations, handover, handovers, incidents, notices, queue, workbook
from services.api.city import cap, subscriptions
from services.api.city.features import routes as ogc
from services.api.city.sensorthings import routes as sensorthings
from services.api.live import stream
from services.api.map import devices as map_devices
from services.api.map import ground, water
from services.api.measured import events, readings, rejects
from services.api.people import api_keys, audit, browsers, session, users
from services.api.policy import contacts, not_configured, on_call, policies, rules, trials
from services.api.prevention import catalogue, hazards, reports, risk, steps
from services.api.prevention.grids import duties
from services.api.prevention.grids import importing as grid_imports
from services.api.prevention.grids import routes as grids
from services.api.prevention.inspections import adding as inspections_added
from services.api.prevention.inspections import plates
from services.api.prevention.inspections import routes as inspections
from services.api.registry import areas, commands, credentials, devices, imports, ledger_checks, service, sites
from services.api.registry import workbook as registry_workbook
from services.api.request import problems
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.compression import Compression
from services.api.request.gate import Gate
from services.api.request.known_parameters import KnownParameters
from services.api.system import health, relay, set_aside, slo, system, townships

COMPRESS_FROM_BYTES = 4096
ROUTERS: tuple[APIRouter, ...] = (
    health.router, session.router, browsers.router, imports.router, devices.router, service.router, commands.router,
    credentials.router, readings.router, events.router,
    rejects.router, set_aside.router, queue.router, workbook.router, expectations.router, acts.router, sites.router,
    registry_workbook.router, incidents.router, notices.router,
    water.router, stream.router, slo.router, system.router, townships.router, handover.router, handovers.router,
    ground.router, map_devices.router, areas.router, users.router, api_keys.router, rules.router, trials.router,
    not_configured.router, ledger_checks.router,
    catalogue.router, hazards.router, steps.router, risk.router, reports.router,
    grid_imports.router, grids.router, duties.router, inspections.router, inspections_added.router,
    plates.router, relay.router, carried.router,
    policies.router, contacts.router, on_call.router, subscriptions.router, sensorthings.router, ogc.router, cap.router,
    audit.router,
)  # fmt: skip


def build_app() -> FastAPI:
    """Return the app; `app.state.firetower` must be set before the first request."""
    app = FastAPI(
        title=openapi.TITLE,
        version=openapi.VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(KnownParameters())],
        generate_unique_id_function=openapi.operation_id,
    )
    app.add_middleware(Compression, minimum_size=COMPRESS_FROM_BYTES, compresslevel=1)  # never the live stream
    app.add_middleware(Gate)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi_json(_who: Reader) -> Response:
        return answer(openapi.openapi_of(app))

    app.include_router(pages.router)
    return app
