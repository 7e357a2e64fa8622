"""A list of ours that a person corrected and sends back: CSV or workbook of the registry, or a layer of the map. Pure.

Used by `rows` and the import. Promises that what we compute becomes no attribute, that the attributes that a device has
stay, and that positions are read as they were written, in WGS 84.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from services.api.registry.sheet.headings import HEADINGS, TAKEN_BACK
from services.api.registry.sheet.text import plain_text
from services.api.request.fields import Language
from services.api.request.page_words import names
from services.api.request.sheets import FORMULA, safe_cell

NESTED = {"location_lon": "lon", "location_lat": "lat"}
# what we tell of every device, and nobody else all together: columns of another's ledger are never passed over
_OF_ALL, _OF_SOME = frozenset({"code", "kind", "area", "status", "last_seen"}), frozenset({"alarm", "usable"})
_OF_TABLES = frozenset({"source_datum", "registered"})
_ATTRIBUTE = "attributes_"


_WORKBOOK: Mapping[str, str] = {
    plain_text(word).lower(): name if name in TAKEN_BACK else "" for name, words in HEADINGS.items() for word in words
}
_PLACES: Mapping[str, str] = {name: field for name, field in _WORKBOOK.items() if field in {"lon", "lat"}}


def is_workbook(names: Iterable[str]) -> bool:
    """Whether columns with these names, in lower case, are of the registry's workbook: they name the datum."""
    return {_PLACES.get(name) for name in names} >= {"lon", "lat"}


def field_of(name: str) -> str:
    """Return our field for a heading of the workbook, empty for what is passed over; what was added is an attribute."""
    return _WORKBOOK.get(plain_text(name).lower(), _ATTRIBUTE + name)


def code_of(group: str, word: str) -> str:
    """Return the code that the page calls so, in either language, or the word."""
    for lang in Language:
        for key, name in names(lang).items():
            if name.lower() == word and key.startswith(f"{group}."):
                return key.removeprefix(f"{group}.")
    return word


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
