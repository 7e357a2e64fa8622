"""Every refusal as application/problem+json (RFC 9457). Raised anywhere in a request, rendered here.

Promises that no answer of an error is anything else, and that a database that is away is a 503, never a 500.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from services.api.request.chinese import in_chinese, with_chinese
from services.api.request.integrity import said_of
from services.core import db
from services.core.alarms.ledger.refusals import NotAllowed, NotFound
from services.core.log import logger
from services.core.text import describe_error

log = logger(__name__)
MEDIA_TYPE = "application/problem+json"
_ERRORS_SHOWN = 50
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
SENSORTHINGS = "/sta/"  # its clients (FROST's among them) show `message`


class FieldError(BaseModel):
    """One thing that is wrong, and where."""

    field: str = Field(examples=["location.lon"])
    message: str = Field(examples=["must be at most 180"])
    message_zh: str | None = Field(default=None, description="the same in Chinese, where there is one")


class ProblemDocument(BaseModel):
    """What went wrong and how to mend it (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:firetower:problem:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no device t-1"])
    errors: list[FieldError] = Field(default=[], description="which fields are wrong, when fields are")


class Problem(HTTPException):
    """A refusal with its status, a stable code, and a sentence that names the cure."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: object
    ) -> None:
        super().__init__(status, detail, headers=dict(headers or {}))
        self.code = code
        self.extra = extra


def render(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, *, path: str = "", **extra: object
) -> Response:
    """Return the answer of a problem, with what the clients of the place it was met at read besides."""
    body: dict[str, object] = {
        "type": f"urn:firetower:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if path.startswith(SENSORTHINGS):
        body["message"] = detail
    content = orjson.dumps(body | _in_both_languages(detail, extra), default=str)
    return Response(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _in_both_languages(detail: str, extra: Mapping[str, object]) -> dict[str, object]:
    """Return what goes beside a problem, with the Chinese of what is said in English."""
    said = dict(extra)
    errors = said.get("errors")
    if isinstance(errors, list):
        said["errors"] = errors = [with_chinese(one) for one in errors]
        shown = [f"{one['field']}：{one['message_zh']}".lstrip("：") for one in errors if "message_zh" in one]
        chinese = "；".join(shown[:3]) if shown and len(shown) == len(errors) else None
    else:
        chinese = in_chinese(detail)
    if chinese is not None:
        said.setdefault("detail_zh", chinese)
    return said


def not_found(what: str) -> Problem:
    """Return a 404 that names what is missing (or belongs to another area: the same answer)."""
    return Problem(404, "not_found", f"there is no {what}")


def invalid(field: str, message: str, *, status: int = 422) -> Problem:
    """Return a 422 about one field."""
    return Problem(status, "invalid", f"{field}: {message}", errors=[{"field": field, "message": message}])


def field_errors(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Return pydantic's findings as field and message, without the values sent."""
    shown = []
    for error in errors[:_ERRORS_SHOWN]:
        place = [str(part) for part in error["loc"]]
        if place and place[0] in {"body", "query", "path", "header"}:
            place = place[1:] or place
        message = error["msg"].removeprefix("Value error, ")
        shown.append({"field": ".".join(place)[:200], "message": message[:1000]})
    return shown


def invalid_fields(found: Sequence[Any]) -> Problem:
    """Return a 422 about the fields that a check of ours found, as pydantic names them."""
    errors = field_errors(found)
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors[:3])
    return Problem(422, "invalid", detail or "the values are not valid", errors=errors)


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path
    if isinstance(error, Problem):
        return render(error.status_code, error.code, str(error.detail), error.headers, path=path, **error.extra)
    code = HTTPStatus(error.status_code).name.lower()
    headers = error.headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {**(headers or {}), "Allow": _methods_at(request)}
    return render(error.status_code, code, str(error.detail), headers, path=path)


def _methods_at(request: Request) -> str:
    """Return every method that the path of a request takes (RFC 9110, 10.2.1); a route knows its own only."""

    def is_taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    found = [method for method in _METHODS if is_taken(method)]
    return ", ".join(sorted([*found, "HEAD"] if "GET" in found else found))


async def _on_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = field_errors(error.errors())
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors[:3]) or "the request is not valid"
    return render(422, "invalid", detail, path=request.url.path, errors=errors)


async def _on_refusal(request: Request, error: Exception) -> Response:
    path = request.url.path
    if isinstance(error, NotFound):
        return render(404, "not_found", str(error), path=path)
    if isinstance(error, NotAllowed):
        return render(409, "not_allowed", error.en, path=path, detail_zh=error.zh)
    raise error


async def _on_database(request: Request, error: Exception) -> Response:
    path = request.url.path
    if isinstance(error, asyncpg.QueryCanceledError | TimeoutError):
        return render(503, "too_slow", "the question took too long; narrow it", {"Retry-After": "5"}, path=path)
    if isinstance(error, asyncpg.DataError | UnicodeError | OverflowError | ValueError):
        return render(422, "invalid", "a value cannot be stored: " + str(error).splitlines()[0][:200], path=path)
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        detail = error.as_dict().get("detail") or str(error)
        return render(409, "conflict", said_of(detail) or detail, path=path)
    if isinstance(error, asyncpg.SyntaxOrAccessError):
        return await _on_bug(request, error)
    log.warning("database_away", path=path, error=describe_error(error))
    return render(
        503, "database_away", "the database does not answer; try again shortly", {"Retry-After": "2"}, path=path
    )


async def _on_bug(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, method=request.method, exc_info=error)
    return render(500, "internal", "this is our fault; the log of the api program says more", path=request.url.path)


_HANDLERS = (
    (HTTPException, _on_http),
    ((NotFound, NotAllowed), _on_refusal),
    (
        (
            *db.AWAY,
            UnicodeEncodeError,
            OverflowError,
        ),
        _on_database,
    ),
)


async def respond(scope: Scope, error: Exception) -> Response:
    """Answer an error that arose before the routes, by the same rules."""
    request = Request(scope)
    for kinds, handler in _HANDLERS:
        if isinstance(error, kinds):
            return await handler(request, error)
    return await _on_bug(request, error)


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem."""
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for kinds, handler in _HANDLERS:
        for kind in kinds if isinstance(kinds, tuple) else (kinds,):
            app.add_exception_handler(kind, handler)
    app.add_exception_handler(Exception, _on_bug)
