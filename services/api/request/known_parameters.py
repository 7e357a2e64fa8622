"""Refuses query parameters that a route does not know, or that come twice: no filter is left aside in silence.

A dependency of the whole app. Where a standard says how unknown options are refused, the standard's own route does it.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from services.api.request.problems import Problem

STRICT_FOLDERS = ("/api/", "/geo/", "/cap/")
_SHOWN = 5
_LONGEST = 100


class KnownParameters:
    """Knows the parameters of each route, once somebody has asked for it."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], frozenset[str]] = {}

    async def __call__(self, request: Request) -> None:
        """Let a request pass whose parameters the route knows.

        Raises:
            Problem: 422, it names those that it does not know, and those that it does; or what comes twice.
        """
        route = request.scope.get("route")
        if not request.query_params or not isinstance(route, APIRoute) or not route.path.startswith(STRICT_FOLDERS):
            return
        place = request.method, route.path
        if place not in self._names:
            self._names[place] = frozenset(_names_of(route))
        known = self._names[place]
        unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
        if unknown:
            cure = f"is not a parameter here; known: {', '.join(sorted(known)) or 'none'}"
            raise Problem(422, "unknown_parameter", **_said(unknown, cure))
        sent = request.query_params
        repeated = [name for name in dict.fromkeys(sent) if len(set(sent.getlist(name))) > 1]
        if repeated:
            cure = "comes twice; send it once, with commas between the values of a filter that takes several"
            raise Problem(422, "repeated_parameter", **_said(repeated, cure))


def _said(names: Sequence[str], cure: str) -> dict[str, Any]:
    errors = [{"field": name[:_LONGEST], "message": cure} for name in names[:_SHOWN]]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
    return {"detail": detail, "errors": errors}


def _names_of(route: APIRoute) -> list[str]:
    fields = get_flat_params(route.dependant)
    return [field.alias for field in fields if isinstance(field.field_info, Query)]
