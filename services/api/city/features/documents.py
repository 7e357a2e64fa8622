"""The documents of the standard: landing page, conformance, collections, features, and the links between them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from services.api.city.features.collections import COLLECTIONS, Collection
from services.api.city.features.query import CRS, CRS84
from services.core.clock import rfc3339

GEOJSON, JSON, HTML = "application/geo+json", "application/json", "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
TITLE = "望火楼消防物联网 Firetower"
DESCRIPTION = (
    "县域消防物联网：设备、水源、单位、告警。 A county's networked fire monitoring: devices, water, sites, alarms."
)
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
)


def link(href: str, rel: str, kind: str, title: str) -> dict[str, str]:
    """Return one link."""
    return {"href": href, "rel": rel, "type": kind, "title": title}


def _both(href: str, kind: str, title: str, sent: Iterable[tuple[str, str]] = ()) -> list[dict[str, str]]:
    """Return the links to a document itself and to its page for people; `sent` are its other parameters."""
    plain = [(name, value) for name, value in sent if name != "f"]

    def address(form: str) -> str:
        return f"{href}?{urlencode([*plain, ('f', form)])}"

    return [link(address("json"), "self", kind, title), link(address("html"), "alternate", HTML, title)]


def landing(base: str) -> dict[str, Any]:
    """Return the landing page; `base` is the absolute address of `/ogc`."""
    return {
        "title": TITLE,
        "description": DESCRIPTION,
        "links": [
            *_both(f"{base}/", JSON, TITLE),
            link(f"{base}/api", "service-desc", OPENAPI, "OpenAPI 3.0"),
            link(f"{base}/api?f=html", "service-doc", HTML, "OpenAPI 3.0"),
            link(f"{base}/conformance", "conformance", JSON, "一致性声明 Conformance"),
            link(f"{base}/collections", "data", JSON, "数据集 Collections"),
        ],
    }


def conformance(base: str) -> dict[str, Any]:
    """Return what is conformed to."""
    return {"conformsTo": list(CONFORMANCE), "links": _both(f"{base}/conformance", JSON, "一致性声明 Conformance")}


def collections(base: str, extents: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return the list of collections; `extents` as for one, by their ids."""
    return {
        "links": _both(f"{base}/collections", JSON, "数据集 Collections"),
        "crs": list(CRS),
        "collections": [collection(base, one, extents[one.id]) for one in COLLECTIONS.values()],
    }


def collection(base: str, one: Collection, extent: Sequence[float]) -> dict[str, Any]:
    """Return one collection. `extent` is west, south, east, north of what the caller sees."""
    href = f"{base}/collections/{one.id}"
    title = f"{one.title} {one.title_en}"
    shown: dict[str, Any] = {
        "id": one.id,
        "title": title,
        "description": one.description,
        "itemType": "feature",
        "extent": {"spatial": {"bbox": [list(extent)], "crs": CRS84}},
        "crs": list(CRS),
        "storageCrs": CRS84,
        "links": [
            *_both(href, JSON, title),
            link(f"{href}/items?f=json", "items", GEOJSON, title),
            link(f"{href}/items?f=html", "items", HTML, title),
        ],
    }
    if one.span is not None:
        time = {"interval": [[None, None]], "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"}
        shown["extent"]["temporal"] = time
    return shown


def geometry(row: Mapping[str, Any], *, latitude_first: bool) -> dict[str, Any] | None:
    """Return the shape or point of a row, or None."""
    if "fshape" in row:
        shape: dict[str, Any] = row["fshape"]
        return shape | {"coordinates": _turned(shape["coordinates"])} if latitude_first else shape
    lon, lat = row["flon"], row["flat"]
    if lon is None or lat is None:
        return None
    return {"type": "Point", "coordinates": [lat, lon] if latitude_first else [lon, lat]}


def _turned(coordinates: Any) -> Any:
    if coordinates and not isinstance(coordinates[0], list):
        return [coordinates[1], coordinates[0]]
    return [_turned(one) for one in coordinates]


def feature(row: Mapping[str, Any], properties: Mapping[str, Any], *, latitude_first: bool) -> dict[str, Any]:
    """Return one feature as GeoJSON (RFC 7946)."""
    place = geometry(row, latitude_first=latitude_first)
    return {"type": "Feature", "id": row["fid"], "geometry": place, "properties": properties}


def items(
    base: str, one: Collection, features: Sequence[Mapping[str, Any]], *, matched: int, now: datetime,
    sent: Sequence[tuple[str, str]], cursor: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Return a page of features; `cursor` is the place where the next one begins."""
    href = f"{base}/collections/{one.id}"
    title = f"{one.title} {one.title_en}"
    links = _both(f"{href}/items", GEOJSON, title, sent)
    if cursor is not None:
        others = [(name, value) for name, value in sent if name not in ("cursor", "f")]
        following = urlencode([*others, ("f", "json"), ("cursor", cursor)])
        links.append(link(f"{href}/items?{following}", "next", GEOJSON, "下一页 Next"))
    links.append(link(href, "collection", JSON, title))
    return {
        "type": "FeatureCollection",
        "timeStamp": rfc3339(now),
        "numberMatched": matched,
        "numberReturned": len(features),
        "links": links,
        "features": features,
    }


def item_links(base: str, one: Collection, fid: object) -> list[dict[str, str]]:
    """Return the links of one feature."""
    href = f"{base}/collections/{one.id}"
    title = f"{one.title} {one.title_en}"
    own = _both(f"{href}/items/{quote(str(fid), safe='')}", GEOJSON, title)
    return [*own, link(href, "collection", JSON, title)]
