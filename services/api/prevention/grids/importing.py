"""`POST /api/v1/grids/import`: grids from a GeoJSON FeatureCollection. A bad feature is named and stops no other."""

import asyncio
from time import monotonic
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.responses import Response

from services.api.prevention.grids.models import GridId, GridImport, GridPut, number_as_text
from services.api.prevention.grids.polygons import BadPolygon, Read, count_positions, read_polygon
from services.api.prevention.grids.reading import finding_document, read_faults
from services.api.prevention.grids.room import Room
from services.api.prevention.grids.routes import with_faults
from services.api.prevention.grids.tree import Tree
from services.api.prevention.grids.writing import SQL, read_tree, store, take_turn, values_of
from services.api.registry.datum import Datum, is_foreign_crs
from services.api.request.answers import answer
from services.api.request.chinese import with_chinese
from services.api.request.described import described
from services.api.request.fields import Flag
from services.api.request.problems import Problem, field_errors, invalid
from services.api.request.roles import Who
from services.api.request.state import Here, State
from services.api.request.writing import Maintainer, Write

router = APIRouter(prefix="/api/v1", tags=["grids"])
MOST_FEATURES: Final = 2000
MOST_POSITIONS: Final = 200_000
"""Of all borders of one file, bad ones too: they are judged in seconds."""
JUDGED_S: Final = 20.0
"""Longer than any file took that was not drawn to take long."""
_HEADINGS: Final = {
    "名称": "name", "网格名称": "name", "编号": "id", "编码": "id", "网格编号": "id", "网格编码": "id", "code": "id",
    "上级": "parent", "上级网格": "parent", "区划": "area", "负责人": "people", "网格员": "people",
}  # fmt: skip
_ID: TypeAdapter[str] = TypeAdapter(GridId)


class GridCollection(BaseModel):
    """A GeoJSON FeatureCollection of grids."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "type": "Feature",
                            "id": "dg-01",
                            "properties": {"name": "东关镇第一网格", "area": "140931100"},
                            "geometry": {
                                "type": "Polygon",
                                "coordinates": [[[111.08, 39.01], [111.1, 39.01], [111.1, 39.03], [111.08, 39.01]]],
                            },
                        }
                    ],
                }
            ]
        }
    )

    crs: Any = Field(
        default=None,
        description="of files before RFC 7946: refused where it is not WGS 84 or CGCS2000",
        examples=[None],
    )
    features: list[Any] = Field(
        min_length=1,
        max_length=MOST_FEATURES,
        description="each with `id` (or a property `id` or `code`), a Polygon or MultiPolygon, and as properties"
        " `name parent people area`",
    )


class _Feature(NamedTuple):
    number: int
    id: str
    body: GridPut
    read: Read | None


class _Fault(NamedTuple):
    feature: int
    id: str | None
    field: str
    message: str


@router.post("/grids/import", responses=described(GridImport, 409, 413))
async def import_grids(
    *,
    body: GridCollection,
    here: Here,
    writer: Maintainer,
    dry_run: Annotated[Flag, Query(description="say what would change, and change nothing")] = False,
    datum: Annotated[Datum | None, Query(description="of the coordinates; WGS 84 when none is named")] = None,
) -> Response:
    """Register or change grids from a GeoJSON FeatureCollection.

    A feature that is bad is named in `errors` and left out; the others are stored. A parent may stand in the same file,
    before or behind. Where none could be stored the answer is a refusal.
    """
    if datum is None and is_foreign_crs(body.crs):
        raise invalid("crs", "must be WGS 84 or CGCS2000 (EPSG 4326, 4490): export the layer so, or name the `datum`")
    read, faults = await asyncio.to_thread(_read, body.features, datum or Datum.WGS84)

    async def work(write: Write) -> Response:
        await take_turn(write)
        loading = _Loading(write, await read_tree(write), await Room.left_by(write))
        await loading.store(read)
        errors = [_shown(one) for one in sorted([*faults, *loading.faults], key=lambda one: one.feature)]
        if not loading.done:
            first = errors[0]
            detail = f"no feature could be stored; feature {first['feature']}, {first['field']}: {first['message']}"
            raise Problem(422, "bad_features", detail, errors=errors[:1000])
        notes = [
            _shown(_Fault(one.number, one.id, *note)) for one in read for note in (one.read.notes if one.read else ())
        ]
        counts = {
            "features": len(body.features), "failed": len(errors),
            **{name: sum(1 for done in loading.done if done["action"] == name) for name in ("created", "updated")},
        }  # fmt: skip
        if dry_run:
            raise _DryRun(counts | {"errors": errors, "notes": notes, "changes": loading.done})
        await write.record("grid.import", "", **counts, grids=[done["id"] for done in loading.done[:100]])
        shown = {"dry_run": False, **counts, "errors": errors, "notes": notes, "changes": loading.done, "faults": []}
        return answer(shown)

    try:
        response = await writer.perform(work)
    except _DryRun as tried:  # undone with its transaction
        return answer({"dry_run": True, **tried.shown, "faults": []})
    return await with_faults(response, _all_faults(here, writer.who))


class _DryRun(Exception):
    def __init__(self, shown: dict[str, Any]) -> None:
        super().__init__("a dry run")
        self.shown = shown


async def _all_faults(here: State, who: Who) -> list[dict[str, Any]]:
    return [finding_document(one) for one in await read_faults(here.database.heavy_for(who), who.scope)]


def _shown(one: _Fault) -> dict[str, Any]:
    return {"feature": one.feature, "id": one.id} | with_chinese({"field": one.field, "message": one.message})


def _read(features: list[Any], datum: Datum) -> tuple[list[_Feature], list[_Fault]]:
    """Judge every feature by itself; in a thread, because it may take seconds."""
    positions = sum(count_positions(one.get("geometry")) for one in features if isinstance(one, dict))
    if positions > MOST_POSITIONS:
        raise Problem(413, "too_large", f"more than {MOST_POSITIONS} positions; split the file")
    good: list[_Feature] = []
    faults: list[_Fault] = []
    seen: set[str] = set()
    end = monotonic() + JUDGED_S
    for number, feature in enumerate(features, start=1):
        if monotonic() > end:
            raise Problem(413, "too_large", "its borders take too long to judge; split the file")
        one = _read_one(number, feature, datum)
        if isinstance(one, _Feature) and one.id in seen:
            one = _Fault(number, one.id, "id", f"{one.id} stands in the file twice")
        if isinstance(one, _Fault):
            faults.append(one)
            continue
        seen.add(one.id)
        good.append(one)
    return good, faults


def _read_one(number: int, feature: Any, datum: Datum) -> _Feature | _Fault:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return _Fault(number, None, "type", "must be a GeoJSON Feature")
    properties = feature.get("properties")
    titled = properties if isinstance(properties, dict) else {}
    named = {_HEADINGS.get(name, name): value for name, value in titled.items()}
    sent = feature.get("id") if feature.get("id") is not None else named.get("id")
    try:
        grid_id = _ID.validate_python(sent)
    except ValidationError:
        message = "must be 1 to 64 of A-Z a-z 0-9 _ -, as `id` of the feature or of its properties"
        return _Fault(number, None, "id", message)
    columns = {name: value for name, value in named.items() if name in {"name", "area", "parent", "people"}}
    filled = {name: value for name, value in columns.items() if value not in (None, "")}
    filled |= {name: number_as_text(filled[name]) for name in ("area", "name") if name in filled}
    try:
        body = GridPut.model_validate(filled)
        read = read_polygon(feature.get("geometry"), datum, "geometry")
    except ValidationError as error:
        first = field_errors(error.errors())[0]
        return _Fault(number, grid_id, first["field"], first["message"])
    except BadPolygon as error:
        return _Fault(number, grid_id, error.field, error.message)
    return _Feature(number, grid_id, body, read)


class _Loading:
    """Stores the good features of a file, parents before what stands below them."""

    def __init__(self, write: Write, tree: Tree, room: Room) -> None:
        self._write = write
        self._tree = tree
        self._room = room
        self.done: list[dict[str, Any]] = []
        self.faults: list[_Fault] = []

    async def store(self, features: list[_Feature]) -> None:
        """Store them, each in a step of its own that a fault undoes alone."""
        waiting = {one.id: one for one in features}
        while waiting:
            ready = [one for one in waiting.values() if one.body.parent not in waiting or one.body.parent == one.id]
            for one in ready or waiting.values():
                if not ready:
                    message = f"would make a circle with {one.body.parent}, which stands below it in the file"
                    self.faults.append(_Fault(one.number, one.id, "parent", message))
                    continue
                await self._store_one(one)
                del waiting[one.id]
            if not ready:
                break
        self.done.sort(key=lambda done: int(done["feature"]))

    async def _store_one(self, one: _Feature) -> None:
        connection = self._write.connection
        before = await connection.fetchrow(SQL["find"], one.id)
        if before is not None and not self._write.who.scope.covers(before["area"]):
            self.faults.append(_Fault(one.number, one.id, "id", f"there is another grid {one.id}; choose another id"))
            return
        try:
            async with connection.transaction():
                values = await values_of(self._write, one.id, one.body, before, self._tree)
                border = None if one.read is None else one.read.border
                self._room.take(border, before)
                await store(self._write, one.id, values, border, new=before is None)
        except Problem as problem:
            field, _, message = str(problem.detail).partition(": ")
            self.faults.append(_Fault(one.number, one.id, field, message or field))
            return
        parents = self._tree.parents
        parents[one.id] = values["parent"] if "parent" in values else parents.get(one.id)
        self.done.append({"feature": one.number, "id": one.id, "action": "created" if before is None else "updated"})
