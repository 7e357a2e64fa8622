"""What a message says that the fast parsers refuse: padded, in another encoding, short of a brace. Pure.

decode calls it only then. Promises that a reading comes out of it whole or not at all, that an event comes out if its
type is readable, and that the same bytes always say the same.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.core.event_types import known_type
from services.ingest.broken_json import BROKEN, find_objects
from services.ingest.encodings import ENCODINGS, read_text
from services.ingest.json_text import dump_element, parse
from services.ingest.settle import DEEPEST_LIST, settle

# What the reject of a message that was mended says.
KEPT = "what could be read of it is stored"
TWICE = "JSON within a JSON text: send the object or the list itself"

_NAMED = r"(?<![\w-])[\"']?{}[\"']?\s*+[:=]\s*+[\"']([^\"'\\\x00-\x1f]{{1,1000}})[\"']"
_NAMES = {name: re.compile(_NAMED.format(name)) for name in ("type", "event_id")}


@dataclass(slots=True)  # not frozen: one is made of each event, and freezing costs more than the rest of it
class Element:
    """One element of a message, with what we had to tolerate in order to read it."""

    value: Any
    raw: bytes  # what it was read from
    index: int | None = None  # its place in a list
    marks: tuple[str, ...] = ()  # what we had to tolerate
    doubtful: frozenset[str] = frozenset()  # its fields whose end may be missing
    text: str = ""  # of a broken one

    @property
    def broken(self) -> bool:
        """Whether its parts do not fit together, so that no number in it can be trusted."""
        return BROKEN in self.marks

    def spell(self, name: str) -> list[str]:
        """Return every text that stands behind `name` in a broken element, whatever stands around it."""
        return _NAMES[name].findall(self.text)


def read_elements(payload: bytes, *, mixed: bool = True) -> tuple[list[Element], ValueError | None]:
    """Return the elements of a message, and why it is no JSON where it had to be mended; `mixed` as in `split`."""
    try:
        parsed = settle(payload, parse(payload))
    except ValueError as error:
        return mend(payload, mixed=mixed), error
    if isinstance(parsed, str):
        return unwrap(parsed, mixed=mixed) or [Element(parsed, payload)], None
    if not isinstance(parsed, list):
        return [Element(parsed, payload)], None
    return split(parsed, payload, (), mixed=mixed), None


def is_json(payload: bytes) -> bool:
    """Whether a message that the fast parsers refused is JSON once its bytes are read as text, without loss.

    Half a surrogate pair among the escapes is: the grammar allows it, and the parsers refuse it.
    """
    text, marks = read_text(payload)
    if not marks and text.encode("utf-8", "surrogatepass") != payload.strip():
        return False  # it ends within a character
    if not ENCODINGS.issuperset(marks):
        return False
    for read in (parse, json.loads):
        try:
            read(text)
        except (ValueError, RecursionError):
            continue
        return True
    return False


def mend(payload: bytes, *, mixed: bool = True) -> list[Element]:
    """Return what `payload` holds, in its order; nothing when there is no text in it."""
    text, marks = read_text(payload)
    if not text:
        return []
    try:
        return _wholes(settle(text, parse(text)), payload, marks, mixed=mixed)
    except ValueError:
        found, around = find_objects(text)
    elements = []
    for index, one in enumerate(found):
        behind = found[index + 1].start if index + 1 < len(found) else len(text)
        if not isinstance(one.value.get("type"), str) and _spells_type(text[one.unread : behind]):
            one.marks.add(BROKEN)  # a brace or quote too many hides what follows it
            one.end = behind
        forgiven = tuple(marks + sorted(around | one.marks)) or ("not_strict_json",)
        source = text if len(found) == 1 else text[one.start : one.end]
        raw = payload if len(found) == 1 else source.encode("utf-8", "surrogatepass")
        place = None if len(found) == 1 else index
        kept = source if BROKEN in one.marks else ""
        elements.append(Element(one.value, raw, place, forgiven, frozenset(one.doubtful), kept))
    return elements


def _spells_type(unread: str) -> bool:
    """Whether the type of an event stands in a part of the text of which nothing was read."""
    return any(known_type(kind) is not None for kind in _NAMES["type"].findall(unread))


def unwrap(sent: str, *, mixed: bool = True) -> list[Element]:
    """Return what a JSON text holds that was itself sent as a JSON string; nothing when it is no such text."""
    try:
        value = settle(sent, parse(sent))
    except ValueError:
        return []
    inner = value if isinstance(value, list) else [value]
    if not any(isinstance(one, dict) for one in inner):
        return []
    return _wholes(value, sent.encode(), ["encoded_twice"], mixed=mixed)


def _wholes(value: Any, payload: bytes, marks: list[str], *, mixed: bool) -> list[Element]:
    """Return the elements of a value that was well formed once its bytes were text."""
    forgiven = tuple(marks) or ("not_strict_json",)
    if isinstance(value, list):
        return split(value, payload, forgiven, mixed=mixed)
    return [Element(value, payload, None, forgiven)]


def split(elements: list[Any], payload: bytes, marks: tuple[str, ...], *, mixed: bool = True) -> list[Element]:
    """Return the elements of a list, those of lists in it included: buffers that were queued whole and sent together.

    `mixed`: also of a list that stands beside what is none, in which an event must not be lost. Else such a one is an
    element itself, whatever stands first.
    """
    depth = 0
    while depth < DEEPEST_LIST and any(isinstance(one, list) and one for one in elements):
        if not mixed and not all(isinstance(one, list) for one in elements):
            break
        elements, depth = list(_unpacked(elements)), depth + 1
    if depth:
        marks = (*marks, "list_in_list")
    if len(elements) == 1:
        return [Element(elements[0], payload, 0, marks)]
    return [Element(one, dump_element(one), index, marks) for index, one in enumerate(elements)]


def _unpacked(elements: list[Any]) -> Iterator[Any]:
    """Give the elements of the lists in a list."""
    for one in elements:
        if isinstance(one, list) and one:
            yield from one
        else:
            yield one
