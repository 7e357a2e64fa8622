"""A list of ours that a person corrected and sends back as a ledger: CSV of the registry, or a layer of the map. Pure.

Used by `rows` and the import. Promises that what we compute becomes no attribute, that the attributes that a device has
stay, and that positions are read as they were written, in WGS 84.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from services.api.request.sheets import FORMULA, safe_cell

NESTED = {"location_lon": "lon", "location_lat": "lat"}
# what we tell of every device, and nobody else all together: columns of another's ledger are never passed over
_OF_ALL, _OF_SOME = frozenset({"code", "kind", "area", "status", "last_seen"}), frozenset({"alarm", "usable"})
_OF_TABLES = frozenset({"source_datum", "registered"})
_ATTRIBUTE = "attributes_"


def is_ours(names: Iterable[str]) -> bool:
    """Whether columns with these names are those of a list of ours."""
    found = frozenset(names)
    is_layer = found >= _OF_ALL and not found.isdisjoint(_OF_SOME)
    return is_layer or (found >= NESTED.keys() and not found.isdisjoint(_OF_TABLES))


def plain(value: Any) -> Any:
    """Return a cell without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    guarded = isinstance(value, str) and value.startswith("'") and value[1:].startswith(FORMULA)
    return value[1:] if guarded else value


def attributes_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes among the columns of a row."""
    return {
        name.removeprefix(_ATTRIBUTE): value
        for name, value in values.items()
        if name.startswith(_ATTRIBUTE) and name != _ATTRIBUTE
    }


def with_those_before(told: Mapping[str, Any], before: Any) -> dict[str, Any]:
    """Return the attributes of a device with what a row tells of them; a number that it repeats stays a number."""
    known: Mapping[str, Any] = before if isinstance(before, dict) else {}
    changed = {name: value for name, value in told.items() if plain(str(safe_cell(known.get(name)))) != value}
    return {**known, **changed}
