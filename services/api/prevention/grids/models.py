"""A grid as the API gives it (contract 12), and what people may send of one."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.api.prevention.grids.coverage import Fault
from services.api.prevention.models import Hazard
from services.api.registry.datum import Datum, is_foreign_crs
from services.api.registry.models import Location
from services.api.request.fields import AreaCode, Line
from services.api.request.known_fields import KnownFields
from services.api.request.problems import FieldError
from services.core.topics import Kind
from services.core.words import Form

GRID_ID = r"^[A-Za-z0-9_-]{1,64}$"
_NAMES_BETWEEN = re.compile(r"[、，,;；/]")
SQUARE: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [[[111.08, 39.01], [111.1, 39.01], [111.1, 39.03], [111.08, 39.03], [111.08, 39.01]]],
}
_EXAMPLE: dict[str, Any] = {
    "name": "东关镇第一网格",
    "area": "140931100",
    "people": [{"name": "王建国", "role": "网格员", "phone": "13800000000"}],
    "polygon": SQUARE,
}


def number_as_text(value: object) -> object:
    """Return a code that a table or a GIS took for a number as the text that it is; one with decimals as it came."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column with a gap in it is exported so
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


GridId = Annotated[str, BeforeValidator(number_as_text), Field(pattern=GRID_ID, examples=["dg-01"])]


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _listed(value: object) -> object:
    """Take `王建国、李强`, as a table has it, for two people."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in _NAMES_BETWEEN.split(value) if part.strip()]


class GridPerson(BaseModel):
    """Somebody who looks after a grid."""

    name: Annotated[Line, Field(min_length=1)]
    role: Line = ""
    phone: Line = ""


_People = Annotated[list[Annotated[GridPerson, BeforeValidator(_named)]], Field(max_length=50)]


class Grid(BaseModel):
    """A grid."""

    id: str = Field(examples=["dg-01"])
    name: str
    area: str | None
    parent: str | None
    people: list[GridPerson]
    bbox: list[float] = Field(description="west, south, east, north")
    updated_at: str
    version: int


class GridSite(BaseModel):
    """A site that lies in a grid."""

    id: int
    name: str


class GridFinding(BaseModel):
    """What does not fit: ground of two grids, of none, or of a grid outside its parent."""

    fault: Fault
    grids: list[str]
    area_m2: float
    location: Location = Field(description="a point in the middle of it")
    text: str
    text_en: str


class GridDetail(Grid):
    """A grid with its border and what lies in it."""

    polygon: dict[str, Any] = Field(description="GeoJSON, WGS 84", examples=[SQUARE])
    device_count: int
    devices: list[str] = Field(description="codes of the first 1000")
    site_count: int
    sites: list[GridSite] = Field(description="the first 1000")
    faults: list[GridFinding] = Field(description="overlaps and gaps that concern it")
    notes: list[FieldError] = Field(default=[], description="what was mended in the polygon that was sent")


class GridPut(KnownFields):
    """What a person says of a grid. Fields left out keep their value. A GeoJSON Feature is taken too."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    answered: ClassVar = frozenset(GridDetail.model_fields)

    name: Annotated[Line, Field(min_length=1)] | None = None
    area: AreaCode | None = Field(
        default=None, description="who may see it; a new one without takes its parent's, else it is the county's"
    )
    parent: GridId | None = None
    people: Annotated[_People | None, BeforeValidator(_listed)] = None
    polygon: dict[str, Any] | None = Field(
        default=None,
        description="GeoJSON Polygon or MultiPolygon [lon, lat]; `geometry` is taken for it",
        examples=[SQUARE],
    )
    datum: Datum | None = Field(default=None, description="of the polygon; WGS 84 when none is named")

    @model_validator(mode="before")
    @classmethod
    def _of_a_feature(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if value.get("type") == "Feature":
            properties = value.get("properties")
            of_a_gis = properties if isinstance(properties, dict) else {}  # with columns of its own
            said = {name: one for name, one in of_a_gis.items() if name in cls.model_fields}
            datum = {"datum": value["datum"]} if "datum" in value else {}
            if not (datum or said.get("datum")) and is_foreign_crs(value.get("crs")):
                raise ValueError(
                    "must be WGS 84 or CGCS2000 (EPSG 4326, 4490): export the layer so, or name the `datum`"
                )
            value = said | datum | {"polygon": value.get("geometry")}
        elif "geometry" in value and "polygon" not in value:
            value = {name: one for name, one in value.items() if name != "geometry"} | {"polygon": value["geometry"]}
        return value


class GridCoverage(BaseModel):
    """What does not fit among all grids that one may see."""

    at: str
    grids: int
    faults: list[GridFinding]


class FeatureError(BaseModel):
    """What is wrong with one feature."""

    feature: int = Field(description="its place in the file, from 1")
    id: str | None
    field: str
    message: str
    message_zh: str | None = Field(default=None, description="the same in Chinese, where there is one")


class FeatureDone(BaseModel):
    """What became of one feature."""

    feature: int
    id: str
    action: str = Field(examples=["created"])


class GridImport(BaseModel):
    """What an import changed, or in a dry run would."""

    dry_run: bool
    features: int
    created: int
    updated: int
    failed: int
    errors: list[FeatureError]
    notes: list[FeatureError] = Field(description="what was mended")
    changes: list[FeatureDone]
    faults: list[GridFinding] = Field(description="overlaps and gaps of all grids afterwards; none in a dry run")


class DutyCounts(BaseModel):
    """How much there is of everything, also of what is not listed."""

    devices: int
    sites: int
    hazards: int
    inspections_due: int
    silent_devices: int


class DueInspection(BaseModel):
    """A water source that should be looked at."""

    device: str
    kind: Kind
    form: Form | None
    name: str
    area: str
    address: str
    location: Location | None
    interval_d: float
    inspected_at: str | None = Field(description="null: never")
    due_at: str | None = Field(description="null: it was never inspected, so it is due now")


class SilentDevice(BaseModel):
    """A device that is offline."""

    device: str
    kind: Kind
    name: str
    area: str
    address: str
    location: Location | None
    last_seen: str | None


class DutyGrid(BaseModel):
    """The grid, and who looks after it."""

    id: str
    name: str
    people: list[GridPerson]


class Duties(BaseModel):
    """What the people of a grid have to do."""

    grid: DutyGrid
    at: str
    counts: DutyCounts
    hazards: list[Hazard] = Field(description="open ones; what is due first comes first")
    inspections_due: list[DueInspection] = Field(description="what was longest not inspected comes first")
    silent_devices: list[SilentDevice] = Field(description="what is silent longest comes first")
