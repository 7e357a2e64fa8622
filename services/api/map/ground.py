"""The ground under the map: a PMTiles file, Tianditu through us, or nothing; and shapes of pipes and districts.

Everything comes from our own origin, so that the page needs no other and works without the internet.
"""

import asyncio
import re
from pathlib import Path as File
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel
from starlette.responses import FileResponse, Response

from services.api.map.tiles import TileServer
from services.api.request.answers import answer
from services.api.request.auth import Watcher
from services.api.request.described import described
from services.api.request.fields import AreaFilter
from services.api.request.problems import Problem, not_found
from services.api.request.roles import Who
from services.api.request.state import Here, State
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(tags=["map"])
_COUNTY = [[110.93, 38.65], [111.43, 39.17]]  # Baode, approximate
_MOST_BYTES = 16 * 1024 * 1024  # of one range
_NARROWEST_DEG = 0.012  # about a kilometre
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})", re.ASCII)
_TIANDITU = "tianditu:"


class Basemap(BaseModel):
    """The ground."""

    kind: str
    url: str | None
    labels_url: str | None = None  # names, drawn over the ground
    attribution: str
    maxzoom: int


class MapSettings(BaseModel):
    """What the map draws under the devices."""

    basemap: Basemap
    layers: list[dict[str, str]]
    bounds: list[list[float]]


def _basemap(setting: str) -> dict[str, Any]:
    if setting.startswith(_TIANDITU):
        tiles = "/geo/tiles/{}/{{z}}/{{x}}/{{y}}"
        urls = {"url": tiles.format("vec"), "labels_url": tiles.format("cva")}
        return {"kind": "raster", **urls, "attribution": "天地图", "maxzoom": 18}
    if setting:
        return {"kind": "pmtiles", "url": "/geo/basemap.pmtiles", "attribution": "", "maxzoom": 15}
    return {"kind": "plain", "url": None, "attribution": "", "maxzoom": 18}


def missing_basemap(setting: str) -> str | None:
    """Return the file that the map is to be drawn on and that is not there: the ground is plain until it comes."""
    return setting if setting and not setting.startswith(_TIANDITU) and not File(setting).is_file() else None


def _layers(folder: File | None) -> list[dict[str, str]]:
    if folder is None or not folder.is_dir():
        return []
    return [
        {
            "id": file.stem,
            "name": file.stem,
            "name_en": file.stem,
            "kind": "pipe" if file.stem.startswith("pipe") else "district",
            "url": f"/geo/layers/{file.stem}.geojson",
        }
        for file in sorted(folder.glob("*.geojson"))
        if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", file.stem)
    ]


@router.get("/api/v1/map", responses=described(MapSettings))
async def show_map(here: Here, who: Watcher, area: AreaFilter = None) -> Response:
    """Show what the map draws under the devices, and where the county lies, or one area of it.

    `bounds`: [west, south] and [east, north] of all that has a place: devices, sites, grids, areas.
    """
    bounds = await _bounds(here, who, area) or (await _bounds(here, who, None) if area else None) or _COUNTY
    settings = here.settings
    return answer({"basemap": _basemap(settings.basemap), "layers": _layers(settings.layers_dir), "bounds": bounds})


async def _bounds(here: State, who: Who, area: str | None) -> list[list[float]] | None:
    """Return what has a place, at least as wide as a village; None where nothing has."""
    (row,) = await here.database.rows(SQL["extent"], area=area, **who.scope.parameters())
    if row["w"] is None:
        return None
    bounds = []
    for low, high in ((row["w"], row["e"]), (row["s"], row["n"])):
        margin = max(0.0, (_NARROWEST_DEG - (high - low)) / 2)
        bounds.append((low - margin, high + margin))
    (west, east), (south, north) = bounds
    return [[west, south], [east, north]]


@router.get("/geo/layers/{layer}.geojson", include_in_schema=False)
async def show_layer(
    layer: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")], here: Here, _who: Watcher
) -> Response:
    """Answer one file of shapes."""
    folder = here.settings.layers_dir
    file = None if folder is None else folder / f"{layer}.geojson"
    if file is None or not file.is_file():
        raise not_found(f"layer {layer}")
    return FileResponse(file, media_type="application/geo+json")


@router.get("/geo/basemap.pmtiles", include_in_schema=False)
async def show_basemap(
    here: Here, _who: Watcher, wanted: Annotated[str | None, Header(alias="Range", max_length=100)] = None
) -> Response:
    """Answer a part of the PMTiles file; the map asks for ranges."""
    setting = here.settings.basemap
    file = File(setting)
    size = await asyncio.to_thread(_size, file) if setting and not setting.startswith(_TIANDITU) else None
    if size is None:
        raise not_found("basemap")
    match = _RANGE.fullmatch(wanted or "")
    if match is None:
        raise Problem(416, "range_needed", "ask for one range: Range: bytes=0-16383")
    begin, end = int(match[1]), min(int(match[2]), size - 1)
    if begin > end or end - begin >= _MOST_BYTES:
        raise Problem(416, "bad_range", f"the file has {size} bytes; one range has at most {_MOST_BYTES}")
    return FileResponse(file, headers={"Cache-Control": "private, max-age=3600"}, media_type="application/octet-stream")


def _size(file: File) -> int | None:
    return file.stat().st_size if file.is_file() else None


@router.get("/geo/tiles/{layer}/{z}/{x}/{y}", include_in_schema=False)
async def show_tile(
    *,
    layer: Annotated[str, Path(pattern=r"^(vec|cva|img|cia)$")],
    z: Annotated[int, Path(ge=0, le=18)],
    x: Annotated[int, Path(ge=0, lt=2**18)],
    y: Annotated[int, Path(ge=0, lt=2**18)],
    here: Here,
    _who: Watcher,
) -> Response:
    """Fetch a tile of Tianditu with our key, so that the page needs no other origin and the key stays here."""
    setting = here.settings.basemap
    if not setting.startswith(_TIANDITU):
        raise not_found("tile")
    key = setting.removeprefix(_TIANDITU)
    url = here.settings.tianditu_url.format(server=(x + y) % 8, layer=layer, x=x, y=y, z=z, key=key)
    kind, body = await here.of(TileServer).fetch(url, key)
    return Response(body, media_type=kind, headers={"Cache-Control": "private, max-age=604800"})
