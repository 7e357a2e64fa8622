"""The description of `/ogc` as OpenAPI 3.0, which the standard's clients read (17-069r4, conf/oas30). Pure."""

from typing import Any

from services.api.city.features.collections import COLLECTIONS, Collection
from services.api.city.features.documents import DESCRIPTION, GEOJSON, HTML, JSON, TITLE
from services.api.city.features.query import CRS, DEFAULT_LIMIT, MOST

_LINK = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "title")},
}
_F = {"name": "f", "in": "query", "schema": {"type": "string", "enum": ["json", "html"]}}
_CRS = {"name": "crs", "in": "query", "schema": {"type": "string", "format": "uri", "enum": list(CRS)}}


def _numbers() -> dict[str, Any]:
    return {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}


_PAGING: list[dict[str, Any]] = [
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
        "style": "form",
        "explode": False,
    },
    {"name": "bbox", "in": "query", "schema": _numbers(), "style": "form", "explode": False},
    {"name": "bbox-crs", "in": "query", "schema": _CRS["schema"]},
    _CRS,
    {"name": "datetime", "in": "query", "schema": {"type": "string"}, "style": "form", "explode": False},
    {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "from the link `next`"},
    _F,
]


def _get(summary: str, operation: str, kind: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    good = {kind: {"schema": {"type": "object"}}, HTML: {"schema": {"type": "string"}}}
    return {
        "get": {
            "summary": summary,
            "operationId": operation,
            "parameters": list(parameters),
            "responses": {
                "200": {"description": "Done", "content": good},
                "400": {"description": "A parameter is not valid", "content": problem},
                "401": {"description": "No key was sent, or it is not valid", "content": problem},
                "404": {"description": "There is no such thing", "content": problem},
            },
        }
    }


def _filters(one: Collection) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "schema": {"type": one.type_of(name)}, "description": "equal to"}
        for name in one.names
    ]


def openapi(base: str) -> dict[str, Any]:
    """Return the document; `base` is the absolute address of `/ogc`."""
    paths: dict[str, Any] = {
        "/": _get("Landing page", "getLandingPage", JSON, _F),
        "/conformance": _get("Conformance", "getConformance", JSON, _F),
        "/collections": _get("Collections", "getCollections", JSON, _F),
    }
    fid = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
    for one in COLLECTIONS.values():
        href, name = f"/collections/{one.id}", one.title_en.title().replace(" ", "")
        paths[href] = _get(one.title_en, f"describe{name}", JSON, _F)
        paths[f"{href}/items"] = _get(one.description, f"get{name}", GEOJSON, *_PAGING, *_filters(one))
        paths[f"{href}/items/{{featureId}}"] = _get(one.title_en, f"getOneOf{name}", GEOJSON, fid, _CRS, _F)
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE, "description": DESCRIPTION, "version": "1"},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": {"link": _LINK},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "any user name, an API key as password"},
                "key": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"basic": []}, {"key": []}],
    }
