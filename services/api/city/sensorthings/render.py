"""Writes answers as SensorThings 1.1 does (18-088): `@iot.id`, links, next links. The only part that knows this form.

A property without a value is left out: clients in use (QGIS) take null for a value.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from services.api.city.sensorthings.answers import Item, Page, address_by, address_of, id_of
from services.api.city.sensorthings.catalogue import ALARM, BY_NAME, BY_NUMBER, SENSORS
from services.api.city.sensorthings.model import LINKS, PROPERTIES, SETS, STREAMS_PER_DEVICE, Entity
from services.api.city.sensorthings.options import Expand, Options

VERSION: Final = "v1.1"
_NAVIGATION: Final = {
    entity: tuple((name, f"{name}@iot.navigationLink", f"/{name}") for name in links) for entity, links in LINKS.items()
}
_ALARM: Final = BY_NAME[ALARM].id
_FIELDS: Final = dict(BY_NUMBER)
_UNITS: Final = {number: dict(one.unit) for number, one in BY_NUMBER.items()}
_SAFE: Final = "()',;:@/=$*!~"  # clients in use expect these unescaped; never ? & # + %
Document = dict[str, Any]


def _thing(row: Mapping[str, Any]) -> Document:
    properties = {
        "kind": row["kind"], "form": row["form"], "area": row["area"], "areaName": row["area_name"],
        "site": row["site"], "siteName": row["site_name"], "address": row["address"], "owner": row.get("owner"),
        "maintainer": row.get("maintainer"), "status": row["status"],
        "lastSeen": row["last_seen"],
        "sourceDatum": row["source_datum"], "expectedIntervalS": row["expected_interval_s"],
        "attributes": _without_null(row.get("attributes")),
    }  # fmt: skip
    shown = {name: value for name, value in properties.items() if value not in (None, "", {})}
    return {"name": row["code"], "description": row["name"] or row["code"], "properties": shown}


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(one) for name, one in value.items() if one is not None}
    return value


def _point(row: Mapping[str, Any]) -> Document:
    return {"type": "Point", "coordinates": [row["lon"], row["lat"]]}


def _placed(geometry: str) -> Callable[[Mapping[str, Any]], Document]:
    def render(row: Mapping[str, Any]) -> Document:
        return {
            "name": row["code"],
            "description": row["address"] or row["name"] or row["code"],
            "encodingType": "application/geo+json",
            geometry: _point(row),
        }

    return render


def _historical_location(row: Mapping[str, Any]) -> Document:
    return {"time": row["time"]}


def _datastream(row: Mapping[str, Any]) -> Document:
    one, code = _FIELDS[row["number"]], row["code"]
    shown = {
        "name": f"{code}:{one.name}",
        "description": f"{row['name'] or code} {one.description}",
        "observationType": one.observation_type,
        "unitOfMeasurement": _UNITS[one.id],
        "properties": {"field": one.name, "device": code},
    }
    if row["lon"] is not None:
        shown["observedArea"] = _point(row)
    return shown


def _sensor(row: Mapping[str, Any]) -> Document:
    one = SENSORS[row["kind"]]
    return {
        "name": one.name, "description": one.description, "encodingType": "text/plain", "metadata": one.metadata,
    }  # fmt: skip


def _observed_property(row: Mapping[str, Any]) -> Document:
    one = BY_NUMBER[row["number"]]
    return {"name": one.name, "description": one.description, "definition": one.definition}


def _observation(row: Mapping[str, Any]) -> Document:
    if row["number"] == _ALARM:
        told = {"id": row["seq"], "confidence": row["confidence"], "verification": row["verification"]}
        parameters = {name: value for name, value in told.items() if value is not None}
        result: Any = row["text"]
    else:
        parameters = {"seq": row["seq"]}
        result = row["num"] if row["flag"] is None else row["flag"]
    return {
        "phenomenonTime": row["ts"],
        "resultTime": row["received_at"],
        "result": result,
        "resultQuality": {"late": row["late"]},
        "parameters": parameters,
    }


_RENDER: Final[dict[Entity, Callable[[Mapping[str, Any]], Document]]] = {
    Entity.THING: _thing,
    Entity.LOCATION: _placed("location"),
    Entity.HISTORICAL_LOCATION: _historical_location,
    Entity.DATASTREAM: _datastream,
    Entity.SENSOR: _sensor,
    Entity.OBSERVED_PROPERTY: _observed_property,
    Entity.OBSERVATION: _observation,
    Entity.FEATURE: _placed("feature"),
}


class Renderer:
    """Writes the answers of one request, whose links begin with `root`."""

    def __init__(self, root: str) -> None:
        self.root = f"{root}/sta/{VERSION}"
        self._repeated: dict[int, str] = {}  # by options, which an answer has a few of, and its next links thousands

    def entity(self, item: Item, options: Options) -> Document:
        """Return one entity, with what `$select` leaves of it and `$expand` adds."""
        entity, key = item.entity, id_of(item)
        link = f"{self.root}/{address_by(entity, key)}"
        shown = {"@iot.id": key, "@iot.selfLink": link, **_RENDER[entity](item.row)}
        for name, member, tail in _NAVIGATION[entity]:
            if name not in item.absent:
                shown[member] = link + tail
        if options.select is not None:
            shown = _selected(shown, options.select)
        for expand in options.expand:
            self._expand(shown, item.links.get(expand.link.name), expand)
        return shown

    def _expand(self, shown: Document, found: Item | Page | None, expand: Expand) -> None:
        """Put the items of one link into an entity."""
        name = expand.link.name
        if isinstance(found, Page):
            shown[name] = [self.entity(one, found.options) for one in found.items]
            if found.count is not None:
                shown[f"{name}@iot.count"] = found.count
            if found.token is not None:
                shown[f"{name}@iot.nextLink"] = self.next_link(found)
        elif found is not None:
            shown[name] = self.entity(found, expand.options)

    def page(self, page: Page) -> Document:
        """Return a collection."""
        value = _data_array(self, page) if page.options.data_array else [
            self.entity(item, page.options) for item in page.items
        ]  # fmt: skip
        return self._headed(page, value)

    def references(self, found: Page | Item) -> Document:
        """Return nothing but the links of what was found (`$ref`)."""
        if isinstance(found, Item):
            return {"@iot.selfLink": self.link(found)}
        return self._headed(found, [{"@iot.selfLink": self.link(item)} for item in found.items], "/$ref")

    def property(self, item: Item, names: tuple[str, ...]) -> Any:
        """Return a property, or a part of one; None: it has no value."""
        shown: Any = {"id": id_of(item), "@iot.id": id_of(item), "@iot.selfLink": self.link(item)}
        shown |= _RENDER[item.entity](item.row)
        for name in names:
            shown = shown.get(name) if isinstance(shown, dict) else None
        return shown

    def link(self, item: Item) -> str:
        """Return the address of an item."""
        return f"{self.root}/{address_of(item)}"

    def next_link(self, page: Page, behind: str = "") -> str:
        """Return the address of the following page, with every option of this one."""
        repeated = self._repeated.get(id(page.options))
        if repeated is None:
            repeated = "".join(
                f"{quote(name, safe=_SAFE)}={quote(text, safe=_SAFE)}&" for name, text in page.options.repeated()
            )
            self._repeated[id(page.options)] = repeated
        return f"{self.root}/{page.path}{behind}?{repeated}$skiptoken={page.token or ''}"

    def _headed(self, page: Page, value: list[Any], behind: str = "") -> Document:
        shown: Document = {}
        if page.count is not None:
            shown["@iot.count"] = page.count
        if page.token is not None:
            shown["@iot.nextLink"] = self.next_link(page, behind)
        return {**shown, "value": value}


def _selected(shown: Document, select: tuple[tuple[str, ...], ...]) -> Document:
    found: Document = {}
    for names in select:
        first = "@iot.id" if names[0] == "id" else names[0]
        if f"{first}@iot.navigationLink" in shown:
            first = f"{first}@iot.navigationLink"
        if first not in shown:
            continue
        if len(names) == 1:
            found[first] = shown[first]
        else:
            _put(found, names, shown)
    return found


def _put(found: Document, names: tuple[str, ...], shown: Any) -> None:
    """Put one part of an object where it stands in the whole."""
    value = shown
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return
        value = value[name]
    place = found
    for name in names[:-1]:
        inner = place.get(name)
        place[name] = dict(inner) if isinstance(inner, dict) else {}
        place = place[name]
    place[names[-1]] = value


# --- data array: 18-088 section 12 ------------------------------------------------------------------------------------

_COMPONENTS: Final = ("id", *PROPERTIES[Entity.OBSERVATION])


def _data_array(renderer: Renderer, page: Page) -> list[Document]:
    """Return observations as rows of values, those of one Datastream together."""
    select = page.options.select
    wanted = _COMPONENTS if select is None else tuple("id" if one[0] == "@iot.id" else one[0] for one in select)
    components = [name for name in wanted if name in _COMPONENTS]
    streams: dict[int, list[list[Any]]] = {}
    for item in page.items:
        shown = {"id": id_of(item), **_observation(item.row)}
        number = item.row["device"] * STREAMS_PER_DEVICE + item.row["number"]
        streams.setdefault(number, []).append([shown.get(name) for name in components])
    return [
        {
            "Datastream@iot.navigationLink": f"{renderer.root}/Datastreams({number})",
            "components": components,
            "dataArray@iot.count": len(rows),
            "dataArray": rows,
        }
        for number, rows in streams.items()
    ]


# --- the root ---------------------------------------------------------------------------------------------------------

_SPEC: Final = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
CONFORMANCE: Final = (  # classes and their requirements: some clients look for a class, others for a requirement
    *(f"{_SPEC}{name}" for name in ("datamodel", "resource-path", "request-data")),
    *(
        f"{_SPEC}datamodel/{name}/{part}"
        for name in (
            "thing", "location", "historical-location", "datastream", "sensor", "observed-property", "observation",
            "feature-of-interest",
        )
        for part in ("properties", "relations")
    ),
    f"{_SPEC}datamodel/entity-control-information/common-control-information",
    f"{_SPEC}resource-path/resource-path-to-entities",
    *(
        f"{_SPEC}request-data/{name}"
        for name in (
            "order", "expand", "select", "status-code", "query-status-code", "orderby", "top", "skip", "count",
            "filter", "built-in-filter-operations", "built-in-query-functions", "pagination",
        )
    ),
    f"{_SPEC}data-array/data-array",
)  # fmt: skip


def root_document(root: str) -> Document:
    """Return what stands at the root: the entity sets, and what of the standard holds."""
    return {
        "value": [{"name": name, "url": f"{root}/sta/{VERSION}/{name}"} for name in SETS],
        "serverSettings": {"conformance": list(CONFORMANCE)},
    }
