"""`/ogc`: the paths of OGC API Features, as JSON for machines and as pages for people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.api.city.features import described, documents, html
from services.api.city.features.collections import COLLECTIONS, Collection
from services.api.city.features.devices import Context
from services.api.city.features.documents import GEOJSON, HTML, JSON, OPENAPI
from services.api.city.features.extents import extents
from services.api.city.features.query import (
    CRS84,
    Query,
    bad,
    count_of,
    only_format,
    page_of,
    read_crs,
    read_query,
    whole_number,
)
from services.api.request.accepted import weight_of, weights
from services.api.request.address import root_of
from services.api.request.answers import encode
from services.api.request.auth import KEY_BY_BASIC, Watcher
from services.api.request.database import Row, first
from services.api.request.described import PROBLEM_CONTENT, problem_described
from services.api.request.paging import encode_cursor
from services.api.request.problems import Problem, not_found
from services.api.request.state import Here, State

router = APIRouter(prefix="/ogc", tags=["ogc"], dependencies=[KEY_BY_BASIC])
CollectionId = Annotated[str, Path(alias="collection", max_length=64)]


def _answers(kind: str) -> dict[int | str, dict[str, Any]]:
    good = {kind: {"schema": {"type": "object"}}, HTML: {"schema": {"type": "string"}}}
    codes = (401, 403, 404, 422, 429, 503)
    shown: dict[int | str, dict[str, Any]] = {200: {"description": "Done", "content": good}}
    shown[400] = {"description": "A parameter is not valid", "content": PROBLEM_CONTENT}
    return shown | {code: problem_described(code) for code in codes}


def _wants_page(request: Request, form: str | None) -> bool:
    """Whether to answer with a page for people: `f` decides, then what the client wants more, or names first."""
    if form is not None:
        if form not in ("json", "html"):
            raise bad("f", "must be json or html")
        return form == "html"
    taken = weights(request.headers.getlist("accept"))
    json = max((name for name in taken if "json" in name), key=lambda name: taken[name], default=JSON)
    page, data = weight_of(taken, HTML), weight_of(taken, json)
    named = [name for name in taken if name in (HTML, json)]
    return page > data or (page == data > 0 and named[:1] == [HTML])


def _answer(
    request: Request, form: str | None, kind: str, content: Mapping[str, Any], page: Callable[[], str]
) -> Response:
    headers = {"Vary": "Accept, Authorization"}
    if _wants_page(request, form):
        return Response(page(), media_type=f"{HTML}; charset=utf-8", headers=headers)
    return Response(encode(content), media_type=kind, headers=headers)


def _base(request: Request) -> str:
    return f"{root_of(request)}/ogc"


def _sent(request: Request) -> list[tuple[str, str]]:
    return list(request.query_params.multi_items())


def _collection(name: str) -> Collection:
    found = COLLECTIONS.get(name)
    if found is None:
        raise not_found(f"collection {name}; there are {', '.join(COLLECTIONS)}")
    return found


@router.get("/", responses=_answers(JSON), name="ogc_landing_page_with_slash")
@router.get("", responses=_answers(JSON), name="ogc_landing_page")
async def landing_page(request: Request, _who: Watcher) -> Response:
    """Show the landing page."""
    given = only_format(_sent(request))
    content = documents.landing(_base(request))

    def page() -> str:
        parts = (html.paragraph(content["description"]), html.links(content["links"]), html.source(content["links"]))
        return html.page(root_of(request), content["title"], *parts)

    return _answer(request, given.get("f"), JSON, content, page)


@router.get("/conformance", responses=_answers(JSON), name="ogc_conformance")
async def conformance(request: Request, _who: Watcher) -> Response:
    """List the conformance classes that hold."""
    given = only_format(_sent(request))
    content = documents.conformance(_base(request))

    def page() -> str:
        lines = (html.paragraph(uri) for uri in content["conformsTo"])
        return html.page(root_of(request), "一致性声明 Conformance", *lines, html.source(content["links"]))

    return _answer(request, given.get("f"), JSON, content, page)


@router.get("/api", responses=_answers(OPENAPI.partition(";")[0]), name="ogc_api_description")
async def api_description(request: Request, _who: Watcher) -> Response:
    """Describe these paths as OpenAPI 3.0."""
    given = only_format(_sent(request))
    content = described.openapi(_base(request))

    def page() -> str:
        rows = [{"GET": path, "": one["get"]["summary"]} for path, one in content["paths"].items()]
        return html.page(root_of(request), "OpenAPI 3.0", *(html.facts(row) for row in rows))

    return _answer(request, given.get("f"), OPENAPI, content, page)


@router.get("/collections", responses=_answers(JSON), name="ogc_collections")
async def list_collections(request: Request, here: Here, who: Watcher) -> Response:
    """List the collections."""
    given = only_format(_sent(request))
    base = _base(request)
    content = documents.collections(base, await extents(here.database, who.scope, COLLECTIONS.values()))

    def page() -> str:
        found = [
            documents.link(f"{base}/collections/{one['id']}", "data", JSON, one["title"])
            for one in content["collections"]
        ]
        return html.page(root_of(request), "数据集 Collections", html.links(found), html.source(content["links"]))

    return _answer(request, given.get("f"), JSON, content, page)


@router.get("/collections/{collection}", responses=_answers(JSON), name="ogc_collection")
async def show_collection(collection: CollectionId, request: Request, here: Here, who: Watcher) -> Response:
    """Describe one collection."""
    one, given = _collection(collection), only_format(_sent(request))
    bounds = await extents(here.database, who.scope, (one,))
    content = documents.collection(_base(request), one, bounds[one.id])

    def page() -> str:
        filters = html.paragraph(f"过滤 Filters: {', '.join(one.names)}")
        parts = (html.paragraph(one.description), filters, html.links(content["links"]), html.source(content["links"]))
        return html.page(root_of(request), content["title"], *parts)

    return _answer(request, given.get("f"), JSON, content, page)


@router.get("/collections/{collection}/items", responses=_answers(GEOJSON), name="ogc_items")
async def list_items(collection: CollectionId, request: Request, here: Here, who: Watcher) -> Response:
    """List features: `limit`, `bbox`, `datetime`, `crs`, `bbox-crs` and equality filters; pages by the link `next`."""
    one, context, sent = _collection(collection), Context(who, here.clock.now()), _sent(request)
    query = read_query(one, context, sent)
    for name, wanted in query.judged.items():
        condition = await one.judged[name](here.database, context, query.conditions, wanted)
        query = replace(query, conditions=(*query.conditions, condition))
    rows = await here.database.records(page_of(one, context, query))
    more, rows = len(rows) > query.limit, rows[: query.limit]
    matched = query.matched
    if matched is None:
        count = await first(here.database, count_of(one, context, query)) if more else None
        matched = len(rows) if count is None else count["all"]
    found = await _features(one, here, rows, context, query.latitude_first)
    base = _base(request)
    content = documents.items(
        base, one, found, matched=matched, now=context.now, sent=sent,
        cursor=encode_cursor([rows[-1]["fkey"], matched]) if more else None,
    )  # fmt: skip

    def page() -> str:
        return _items_page(request, one, query, content)

    response = _answer(request, dict(sent).get("f"), GEOJSON, content, page)
    response.headers["Content-Crs"] = f"<{query.crs}>"
    return response


def _items_page(request: Request, one: Collection, query: Query, content: Mapping[str, Any]) -> str:
    features = content["features"]
    base = f"{_base(request)}/collections/{one.id}/items"
    hrefs = [f"{base}/{feature['id']}?f=html" for feature in features]
    said = f"{content['numberReturned']} / {content['numberMatched']}"
    if query.crs != CRS84:
        said = f"{said} · {query.crs}"
    shown = [feature["properties"] for feature in features]
    following = [link for link in content["links"] if link["rel"] in ("next", "collection")]
    parts = (html.paragraph(said), html.table(shown, hrefs), html.links(following), html.source(content["links"]))
    return html.page(root_of(request), f"{one.title} {one.title_en}", *parts)


@router.get("/collections/{collection}/items/{feature}", responses=_answers(GEOJSON), name="ogc_item")
async def show_item(
    collection: CollectionId,
    feature: Annotated[str, Path(max_length=64)],
    request: Request,
    here: Here,
    who: Watcher,
) -> Response:
    """Show one feature."""
    one, context = _collection(collection), Context(who, here.clock.now())
    given = only_format(_sent(request), "crs")
    crs = read_crs(given)
    query = Query(1, crs, (_is(one, feature),), None)
    rows = (await here.database.records(page_of(one, context, query)))[:1]
    if not rows:
        raise not_found(f"feature {feature}")
    (found,) = await _features(one, here, rows, context, query.latitude_first)
    content = dict(found) | {"links": documents.item_links(_base(request), one, found["id"])}

    def page() -> str:
        place = [] if found["geometry"] is None else [html.paragraph(str(found["geometry"]["coordinates"])[:200])]
        parts = (html.facts(found["properties"]), *place, html.links(content["links"]), html.source(content["links"]))
        return html.page(root_of(request), f"{one.title} {found['id']}", *parts)

    response = _answer(request, given.get("f"), GEOJSON, content, page)
    response.headers["Content-Crs"] = f"<{crs}>"
    return response


def _is(one: Collection, feature: str) -> sa.ColumnElement[bool]:
    if isinstance(one.fid.type, sa.Integer):
        try:
            return one.fid == whole_number("feature", feature)
        except Problem:
            raise not_found(f"feature {feature}") from None
    if "\0" in feature:
        raise not_found("feature of this name")
    return one.fid == feature


async def _features(
    one: Collection, here: State, rows: Sequence[Row], context: Context, latitude_first: bool
) -> list[dict[str, Any]]:
    shown = await one.finish(here.database, rows, context)
    return [
        documents.feature(row, properties, latitude_first=latitude_first)
        for row, properties in zip(rows, shown, strict=True)
    ]
