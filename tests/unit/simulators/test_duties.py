"""The simulated grids: quarters that meet, with people; made once, and the API may be away."""

import httpx2
import orjson
from shapely.geometry import shape

from services.api.prevention.grids.models import GridPut
from services.api.prevention.inspections.models import InspectionPost
from services.core.clock import SystemClock
from services.core.prevention.checklists import CHECKLISTS
from services.core.topics import Kind
from simulators.duties import grids, inspection, register_duties
from simulators.places import TOWNSHIPS, place_of
from simulators.registry import Registry


class Api:
    """What a simulation asks of grids and inspections, in memory."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self.known = known
        self.put: list[str] = []
        self.inspections: list[dict[str, object]] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(200, json={"items": [{"id": one} for one in self.known], "next": None})
        if request.method == "PUT":
            self.put.append(request.url.path.rpartition("/")[2])
        else:
            self.inspections.append(orjson.loads(request.content))
        return httpx2.Response(201, json={})

    def registry(self) -> Registry:
        return Registry("http://api", "key", SystemClock(), transport=httpx2.MockTransport(self.answer))


def test_the_grids_meet_without_overlap_around_the_county_seat() -> None:
    borders = [shape(GridPut.model_validate(body).polygon) for _, body in grids()]
    assert len(borders) == 4
    whole = borders[0]
    for border in borders[1:]:
        assert whole.intersection(border).area == 0
        whole = whole.union(border)
    assert whole.geom_type == "Polygon"
    assert whole.contains(shape({"type": "Point", "coordinates": [TOWNSHIPS[0].lon, TOWNSHIPS[0].lat]}))
    first = place_of(Kind.HYDRANT, 1, 0)
    assert whole.contains(shape({"type": "Point", "coordinates": [first.lon, first.lat]}))


def test_the_inspection_answers_questions_of_its_checklist() -> None:
    sent = InspectionPost.model_validate(inspection())
    asked = {item.code for item in CHECKLISTS["hydrant"].items}
    assert {one.item for one in sent.answers} <= asked
    assert [one.item for one in sent.answers if one.ok is False] == ["reachable"]


async def test_a_new_system_gets_all_of_it_once() -> None:
    api = Api()
    await register_duties(api.registry())
    assert sorted(api.put) == sorted(grid_id for grid_id, _ in grids())
    assert len(api.inspections) == 1
    again = Api(known=tuple(api.put))
    await register_duties(again.registry())
    assert (again.put, again.inspections) == ([], [])


async def test_a_grid_that_is_there_is_left_alone_and_no_second_inspection_is_made() -> None:
    api = Api(known=("sim-nw",))
    await register_duties(api.registry())
    assert "sim-nw" not in api.put
    assert len(api.put) == 3
    assert api.inspections == []


async def test_an_api_that_refuses_costs_the_grids_and_nothing_else() -> None:
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(503))
    await register_duties(Registry("http://api", "key", SystemClock(), transport=transport))
