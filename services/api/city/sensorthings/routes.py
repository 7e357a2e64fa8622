"""`/sta/v1.1`: OGC SensorThings 1.1, read only. A key of any role may read, within its areas."""

import asyncio
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.api.city.sensorthings.answers import Item, Page
from services.api.city.sensorthings.options import Options, read_options
from services.api.city.sensorthings.paths import Target, read_path
from services.api.city.sensorthings.query import answer
from services.api.city.sensorthings.refusals import refused
from services.api.city.sensorthings.render import VERSION, Renderer, root_document
from services.api.city.sensorthings.rows import View
from services.api.request.address import root_of
from services.api.request.answers import encode
from services.api.request.auth import KEY_BY_BASIC, Watcher
from services.api.request.described import described
from services.api.request.state import Here

LONGEST_S = 15.0  # all statements of a question together: one that expands may take thousands, each of them quick
router = APIRouter(prefix=f"/sta/{VERSION}", tags=["SensorThings"], dependencies=[KEY_BY_BASIC])


def _json(document: Any) -> Response:
    return Response(encode(document), media_type="application/json")


@router.get("", responses=described(dict[str, Any]))
@router.get("/", include_in_schema=False)
async def sensorthings_root(request: Request, _who: Watcher) -> Response:
    """List the entity sets, and what of the standard holds."""
    return _json(root_document(root_of(request)))


@router.get(
    "/{path:path}", responses=described(dict[str, Any], 400, 404, 501) | {204: {"description": "It has no value"}}
)
async def sensorthings(
    path: Annotated[str, Path(examples=["Things"], description="as in OGC 18-088 section 9.2")],
    request: Request,
    here: Here,
    who: Watcher,
) -> Response:
    """Read entities, a property of one, or links: `Things(1)/Datastreams?$expand=Observations($top=1)`."""
    target = read_path(path)
    if target is None:
        return _json(root_document(root_of(request)))
    options = read_options(target.last.entity, request.url.query)
    _check(target, options)
    view = View(who, here.clock.now())
    try:
        async with asyncio.timeout(LONGEST_S):
            found = await answer(here.database.heavy_for(who), view, target, options)
    except RecursionError:
        raise refused("the question is nested too deep") from None
    except asyncpg.DataError as error:  # a number or a time that has no place in the database's types
        raise refused(f"a value is out of range: {str(error).splitlines()[0][:200]}") from None
    return _rendered(Renderer(root_of(request)), target, options, found)


def _check(target: Target, options: Options) -> None:
    """Refuse options that mean nothing for the request: one entity has neither order nor pages."""
    if not target.last.is_single and not target.names:
        return
    allowed = {"$select", "$expand"} if not (target.names or target.reference) else set()
    for name, _ in options.texts:
        if name not in allowed:
            raise refused(f"{name} is for collections; this is one {target.last.entity}")


def _rendered(renderer: Renderer, target: Target, options: Options, found: Item | Page) -> Response:
    if target.reference:
        return _json(renderer.references(found))
    if isinstance(found, Page):
        return _json(renderer.page(found))
    if not target.names:
        return _json(renderer.entity(found, options))
    value = renderer.property(found, target.names)
    if value is None:
        return Response(status_code=204)
    if not target.value:
        return _json({target.names[-1]: value})
    if isinstance(value, str):
        return Response(value, media_type="text/plain")
    written = encode(value)
    if isinstance(value, dict):
        return Response(written, media_type="application/json")
    return Response(written.strip(b'"'), media_type="text/plain")  # a time is written as in JSON, without the quotes
