"""Lets a route that reads JSON take the same as a form with a file: for pages and tools that send photos so.

Used by inspections. What a form says becomes the JSON that the route knows, and is judged by the same model.
"""

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import Message

from services.api.request.forms import FORM, FormTooLarge, Part, UnreadableForm, read_parts
from services.api.request.problems import Problem

_JSON = "application/json"
_OF_JSON = frozenset({"answers"})


class FormAsJson(APIRoute):
    """A route whose body may be a form: a part with a file name becomes base64, `answers` is JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler behind the translation."""
        handle = super().get_route_handler()

        async def translated(request: Request) -> Response:
            kind = request.headers.get("content-type", "")
            if not kind.lower().startswith(FORM):
                return await handle(request)
            try:
                body = await asyncio.to_thread(_as_json, kind, await request.body())
            except FormTooLarge as error:
                raise Problem(413, "too_large", str(error)) from error
            except UnreadableForm as error:
                raise Problem(
                    422, "unreadable", str(error), errors=[{"field": "body", "message": str(error)}]
                ) from error
            scope = {**request.scope, "headers": list(request.scope["headers"])}
            MutableHeaders(scope=scope)["content-type"] = _JSON

            async def receive() -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            return await handle(Request(scope, receive))

        return translated


def _as_json(kind: str, raw: bytes) -> bytes:
    parts = (
        (part.option(b"name"), part) for part in read_parts(kind, raw) if part.data
    )  # what was left blank is not sent
    return orjson.dumps({name: _value(name, part) for name, part in parts if name})


def _value(name: str, part: Part) -> Any:
    """Return a file as base64, what is JSON as what it says, and any other text as it stands."""
    if part.option(b"filename") is not None:
        return base64.b64encode(part.data).decode()
    text = bytes(part.data).decode("utf-8", "replace")
    if name not in _OF_JSON:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text  # the model says what is wrong with it
