"""Stores a grid: which area and parent it may have, its row, its rings and its version. Used by PUT and by the import.

Promises that no two writes together make a circle of parents: they take turns.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from services.api.prevention.grids.models import GridPerson, GridPut
from services.api.prevention.grids.polygons import Border, geojson_of, rings_of
from services.api.prevention.grids.tree import Tree, fault_of
from services.api.registry.areas import take_area
from services.api.request.problems import Problem, invalid
from services.api.request.writing import Write
from services.core.statements import load_queries

SQL = load_queries(__file__)


async def take_turn(write: Write) -> None:
    """Wait a moment for whoever else writes grids, and then be the one who does, until the end of the transaction.

    Raises:
        Problem: 409, a file of grids is just being written: nobody holds a connection that long, which others need.
    """
    try:
        await write.connection.execute(SQL["wait_a_moment"])
        await write.connection.execute(SQL["take_turn"])
    except asyncpg.LockNotAvailableError:
        detail = "grids are just being written; try again"
        raise Problem(409, "import_running", detail, headers={"Retry-After": "5"}) from None
    await write.connection.execute(SQL["wait_as_usual"])


async def read_tree(write: Write) -> Tree:
    """Return below which grid each stands, and which of them who writes may not see."""
    rows = await write.connection.fetch(SQL["parents"])
    hidden = frozenset(row["id"] for row in rows if not write.who.scope.covers(row["area"]))
    return Tree({row["id"]: row["parent"] for row in rows}, hidden)


async def values_of(
    write: Write, grid_id: str, body: GridPut, before: asyncpg.Record | None, tree: Tree
) -> dict[str, Any]:
    """Return the columns that the body sets, but for those of the border.

    Raises:
        Problem: 422, a value is not valid here; 403, the account does not cover the area.
    """
    values: dict[str, Any] = {}
    sent = body.model_fields_set
    if "name" in sent or before is None:
        if body.name is None:
            raise invalid("name", "cannot be cleared" if before else "is needed to register a grid")
        values["name"] = body.name
    if "people" in sent:
        values["people"] = _people(body.people or (), before)
    above = None
    if "parent" in sent:
        above = await _parent(write, grid_id, body.parent, before, tree)
        values["parent"] = None if above is None else above["id"]
    if "area" in sent or before is None:
        values["area"] = await _area(write, body.area, above)
    return values


def _people(sent: Sequence[GridPerson], before: asyncpg.Record | None) -> list[dict[str, Any]]:
    """Return people as they are stored; what is left out of one who stands there by that name keeps its value.

    A layer that was exported, drawn anew and imported again names them only.
    """
    stored = before["people"] if before is not None and isinstance(before["people"], list) else []
    known = {one.get("name"): one for one in stored if isinstance(one, dict)}
    return [person.model_dump() | known.get(person.name, {}) | person.model_dump(exclude_unset=True) for person in sent]


async def _parent(
    write: Write, grid_id: str, parent: str | None, before: asyncpg.Record | None, tree: Tree
) -> asyncpg.Record | None:
    """Return the row of the parent; whoever cannot see the one that stands leaves it."""
    now = None if before is None or before["parent"] is None else await _find(write, before["parent"])
    if parent is None:
        hidden = now is not None and not write.who.scope.covers(now["area"])
        return now if hidden else None
    row = await _find(write, parent)
    if row is None or not write.who.scope.covers(row["area"]):
        raise invalid("parent", f"there is no grid {parent}")
    if fault := fault_of(grid_id, parent, tree):
        raise invalid("parent", fault)
    return row


async def _find(write: Write, grid_id: str) -> asyncpg.Record | None:
    return await write.connection.fetchrow(SQL["find"], grid_id)


async def _area(write: Write, named: str | None, above: asyncpg.Record | None) -> str | None:
    if named is not None:
        await take_area(write, named)
        return named
    if above is not None:
        return None if above["area"] is None else str(above["area"])
    scope = write.who.scope
    if scope.county:
        return None
    if len(scope.areas) == 1:
        return scope.areas[0]
    raise invalid("area", f"name the area of the grid: one of {', '.join(scope.areas)}")


async def store(write: Write, grid_id: str, values: Mapping[str, Any], border: Border | None, *, new: bool) -> None:
    """Write the row of a grid, and its rings where a border came."""
    columns = dict(values) | {"updated_at": write.now}
    if border is not None:
        columns |= dict(zip(("west", "south", "east", "north"), border.bounds, strict=True))
        columns["polygon"] = geojson_of(border)
    names, places = list(columns), [f"${number}" for number in range(2, len(columns) + 2)]
    if new:
        statement = f"insert into grid (id, {', '.join(names)}) values ($1, {', '.join(places)})"  # noqa: S608 - ours
    else:
        sets = ", ".join(f"{name} = {place}" for name, place in zip(names, places, strict=True))
        statement = f"update grid set version = version + 1, {sets} where id = $1"  # noqa: S608 - our column names
    await write.connection.execute(statement, grid_id, *columns.values())
    if border is None:
        return
    await write.connection.execute(SQL["forget_rings"], grid_id)
    rings = []
    for part, number, points in rings_of(border):
        lons, lats = zip(*points, strict=True)
        rings.append((grid_id, part, number, asyncpg.Polygon(*points), min(lons), min(lats), max(lons), max(lats)))
    await write.connection.executemany(SQL["add_ring"], rings)
