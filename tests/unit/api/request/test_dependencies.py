"""What a request waits for before its route begins."""

import inspect
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.api.app import ROUTERS


def calls_of(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for one in dependant.dependencies:
        yield from calls_of(one)


def test_no_request_waits_for_a_thread_to_look_up_who_asks() -> None:
    """FastAPI calls a plain function in a thread: two changes of thread, which a busy machine makes late.

    It makes a class in a thread, too; only the filters of lists are some.
    """
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    in_threads = {
        call
        for route in routes
        for call in calls_of(route.dependant)
        if not isinstance(call, type)
        and not (inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None)))  # noqa: B004
    }
    assert in_threads == set()
    assert len(routes) > 50
