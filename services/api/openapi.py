"""The description of the API: OpenAPI from the routes, with an example of each model."""

from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from services.api.request.described import problem_described
from services.api.request.problems import ProblemDocument

TITLE = "Firetower"
VERSION = "1"
SUMMARY = """Live status, alarms and history of a county's networked fire monitoring.

Sign in with `POST /api/v1/session`, or send `Authorization: Bearer <api key>`. Errors are `application/problem+json`.
Lists answer `{"items": […], "next": cursor}`: send `cursor=<next>` for the following part until `next` is null.
Writes take an `Idempotency-Key`; what has a version has an `ETag` for `If-Match`. Times are RFC 3339 with an offset,
positions WGS 84."""
# One believable answer of each model. Data, not code: a test holds each to its schema.
EXAMPLES: dict[str, Any] = orjson.loads(Path(__file__).with_name("examples.json").read_bytes())


def operation_id(route: APIRoute) -> str:
    """Return the stable name of a route in generated clients."""
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
