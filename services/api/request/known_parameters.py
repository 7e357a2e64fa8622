"""Refuses query parameters that a route does not know: a misspelt filter must not answer as if there were none.

A dependency of the whole app. Where a standard says how unknown options are refused, the standard's own route does it.
"""

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
            Problem: 422, it names those that it does not know, and those that it does.
        """
        route = request.scope.get("route")
        if not request.query_params or not isinstance(route, APIRoute) or not route.path.startswith(STRICT_FOLDERS):
            return
        place = request.method, route.path
        if place not in self._names:
            self._names[place] = frozenset(_names_of(route))
        known = self._names[place]
        unknown = [name for name in dict.fromkeys(request.query_params) if name not in known][:_SHOWN]
        if unknown:
            cure = f"is not a parameter here; known: {', '.join(sorted(known)) or 'none'}"
            errors = [{"field": name[:_LONGEST], "message": cure} for name in unknown]
            detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
            raise Problem(422, "unknown_parameter", detail, errors=errors)


def _names_of(route: APIRoute) -> list[str]:
    fields = get_flat_params(route.dependant)
    return [field.alias for field in fields if isinstance(field.field_info, Query)]
