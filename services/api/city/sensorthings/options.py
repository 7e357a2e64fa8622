"""The query options of a request (18-088 section 9.3), nested ones included. Pure.

Promises that every option is known and bounded, or is named in the refusal; `filter` later finds properties that the
entity does not have.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from services.api.city.sensorthings.grammar import parse
from services.api.city.sensorthings.model import LINKS, Entity, Link, has_property
from services.api.city.sensorthings.refusals import refused, unsupported

DEFAULT_TOP: Final = 100
MAX_TOP: Final = 1000
DEEPEST_EXPAND: Final = 4
MOST_EXPANDS: Final = 20  # in all
_LARGEST: Final = 2**62
_LONGEST: Final = 24_000  # characters of all options
_NAMES: Final = frozenset(
    {"$filter", "$expand", "$select", "$orderby", "$top", "$skip", "$count", "$resultFormat", "$skiptoken"}
)
_TOP_ONLY: Final = frozenset({"$resultFormat", "$skiptoken"})
# possessive quantifiers: a text that does not match is given up after one pass, whatever is in it
ITEM: Final = re.compile(r"\s*+([A-Za-z]+(?:/[A-Za-z]+)*+)\s*+(?:\((.*)\)\s*+)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Order:
    """One part of `$orderby`."""

    tree: Any
    descending: bool


@dataclass(frozen=True, slots=True)
class Expand:
    """One link that is followed, with the options of what it leads to."""

    link: Link
    options: "Options"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one collection or entity; `texts` are those that a next link repeats, as they were sent."""

    filter: Any = None
    expand: tuple[Expand, ...] = ()
    select: tuple[tuple[str, ...], ...] | None = None
    orderby: tuple[Order, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    data_array: bool = False
    token: str | None = None
    texts: tuple[tuple[str, str], ...] = ()

    def page(self, default: int = DEFAULT_TOP) -> int:
        """Return how many items a page may have."""
        return default if self.top is None else min(self.top, MAX_TOP)

    def repeated(self) -> Iterator[tuple[str, str]]:
        """Yield the options of the following page; `$skiptoken` says where it begins."""
        yield from (pair for pair in self.texts if pair[0] not in {"$skip", "$skiptoken", "$expand"})
        if self.expand:
            yield "$expand", written(self.expand)


def written(expands: Sequence[Expand]) -> str:
    """Return `$expand` as text."""
    parts = []
    for one in expands:
        texts = [f"{name}={text}" for name, text in one.options.texts if name != "$expand"]
        if one.options.expand:
            texts.append(f"$expand={written(one.options.expand)}")
        parts.append(one.link.name + (f"({';'.join(texts)})" if texts else ""))
    return ",".join(parts)


def read_options(entity: Entity, query: str) -> Options:
    """Return the options of a query string. Blank ones are ignored; a repeated identical one counts once.

    Raises:
        Problem: 400, 501.
    """
    if len(query) > 3 * _LONGEST:
        raise refused(f"the options are longer than {_LONGEST} characters")
    found: dict[str, str] = {}
    for padded, text in parse_qsl(query, keep_blank_values=True, errors="replace"):
        name = padded.strip()  # clients that write their address over several lines
        if not name and not text:
            continue
        if "\x00" in text or "\x00" in name:
            raise refused("an option must not contain the character NUL")
        if found.setdefault(name, text) != text:
            raise refused(f"the option {name[:50]} is given twice, with different values")
    options = _read(entity, found, _Expands(), 0)
    if options.data_array and entity is not Entity.OBSERVATION:
        raise refused("$resultFormat: dataArray is for Observations")
    if options.data_array and options.expand:
        raise unsupported("$expand together with $resultFormat=dataArray")
    return options


@dataclass(slots=True)
class _Expands:
    """Counts the links of a request."""

    count: int = 0

    def one_more(self, depth: int) -> None:
        self.count += 1
        if self.count > MOST_EXPANDS:
            raise refused(f"$expand: more than {MOST_EXPANDS} links in one request")
        if depth > DEEPEST_EXPAND:
            raise refused(f"$expand: more than {DEEPEST_EXPAND} links deep")


def _read(entity: Entity, given: dict[str, str], expands: _Expands, depth: int) -> Options:
    kept: dict[str, str] = {}
    for name, text in given.items():
        if name not in _NAMES or (depth and name in _TOP_ONLY):
            raise refused(f"unknown option {name[:50]}" + (" inside $expand" if depth else ""))
        if text.strip():
            kept[name] = text
    stripped = {name: text.strip() for name, text in kept.items()}
    found: dict[str, Any] = {_FIELDS[name]: read(stripped[name]) for name, read in _READ.items() if name in stripped}
    if (select := stripped.get("$select")) is not None:
        found["select"] = tuple(_selected(entity, part.strip()) for part in select.split(","))
    if (expand := stripped.get("$expand")) is not None:
        found["expand"] = _read_expand(entity, expand, expands, depth + 1)
    return Options(**found, texts=tuple(kept.items()))


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) > _LARGEST:
        raise refused(f"{name}: must be a whole number that is not negative")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise refused(f"{name}: must be true or false")
    return text.lower() == "true"


def _is_data_array(text: str) -> bool:
    if text not in {"dataArray", "default"}:
        raise unsupported(f"$resultFormat={text[:50]}")
    return text == "dataArray"


def _order(text: str) -> Order:
    text = text.strip()
    match = re.fullmatch(r"(.*\S)\s+(asc|desc)", text, re.IGNORECASE | re.DOTALL)
    expression = match[1] if match else text
    return Order(parse(expression, "$orderby"), match is not None and match[2].lower() == "desc")


_READ: Final[Mapping[str, Callable[[str], Any]]] = MappingProxyType(
    {
        "$filter": lambda text: parse(text, "$filter"),
        "$orderby": lambda text: tuple(_order(part) for part in split(text, ",")),
        "$top": lambda text: _number("$top", text),
        "$skip": lambda text: _number("$skip", text),
        "$count": lambda text: _flag("$count", text),
        "$resultFormat": _is_data_array,
        "$skiptoken": str,
    }
)
_FIELDS: Final = {name: name.removeprefix("$") for name in _READ} | {
    "$resultFormat": "data_array",
    "$skiptoken": "token",
}


def _selected(entity: Entity, text: str) -> tuple[str, ...]:
    names = tuple(text.split("/"))
    if not has_property(entity, names) and text not in {*LINKS[entity], "id", "@iot.id", "@iot.selfLink"}:
        raise refused(f"$select: unknown property {text[:50]} of {entity}")
    return names


def _read_expand(entity: Entity, text: str, expands: _Expands, depth: int) -> tuple[Expand, ...]:
    found: dict[str, Expand] = {}
    for part in split(text, ","):
        one = _read_item(entity, part, expands, depth)
        before = found.get(one.link.name)
        found[one.link.name] = one if before is None else Expand(one.link, _merged(before.options, one.options))
    return tuple(found.values())


def _read_item(entity: Entity, text: str, expands: _Expands, depth: int) -> Expand:
    head, behind = _cut_behind_brackets(text)
    if behind is not None:
        outer = _read_item(entity, head, expands, depth)
        inner = _read_item(outer.link.target, behind, expands, depth + 1)
        return Expand(outer.link, _merged(outer.options, Options(expand=(inner,))))
    match = ITEM.fullmatch(text)
    if match is None:
        raise refused(f"$expand: cannot read «{text.strip()[:50]}»")
    name, _, rest = match[1].partition("/")
    link = LINKS[entity].get(name)
    if link is None:
        raise refused(f"$expand: {entity} has no link {name[:50]}")
    expands.one_more(depth)
    if rest:  # `Thing/Locations(…)`: the options belong to the last name
        inner = _read_item(link.target, rest if match[2] is None else f"{rest}({match[2]})", expands, depth + 1)
        return Expand(link, Options(expand=(inner,)))
    given: dict[str, str] = {}
    for option in split(match[2] or "", ";"):
        key, _, value = option.partition("=")
        if option.strip() and given.setdefault(key.strip(), value) != value:
            raise refused(f"$expand: the option {key.strip()[:50]} of {name} is given twice, with different values")
    return Expand(link, _read(link.target, given, expands, depth))


def _cut_behind_brackets(text: str) -> tuple[str, str | None]:
    """Return the two parts of `Datastreams($select=name)/Observations($top=1)`, as users of FROST write it."""
    name, bracket, _ = text.partition("(")
    if not bracket or "/" in name:
        return text, None
    depth = 0
    quoted = False
    for place, character in enumerate(text):
        quoted ^= character == "'"
        depth += 0 if quoted else (character == "(") - (character == ")")
        if character == ")" and not depth and not quoted:
            behind = text[place + 1 :].lstrip()
            return (text[: place + 1], behind[1:]) if behind.startswith("/") else (text, None)
    return text, None


def _merged(one: Options, other: Options) -> Options:
    """Merge two requests for the same link.

    Raises:
        Problem: 400, they contradict each other.
    """
    texts = dict(one.texts)
    for name, text in other.texts:
        if name != "$expand" and texts.setdefault(name, text) != text:
            raise refused(f"$expand: {name} is given twice for one link, with different values")
    links: dict[str, Expand] = {expand.link.name: expand for expand in one.expand}
    for expand in other.expand:
        before = links.get(expand.link.name)
        links[expand.link.name] = (
            expand if before is None else Expand(expand.link, _merged(before.options, expand.options))
        )
    return Options(
        filter=one.filter or other.filter,
        expand=tuple(links.values()),
        select=one.select if one.select is not None else other.select,
        orderby=one.orderby or other.orderby,
        top=one.top if one.top is not None else other.top,
        skip=one.skip or other.skip,
        count=one.count or other.count,
        texts=tuple(texts.items()),
    )


def split(text: str, separator: str) -> list[str]:
    """Return the parts of a list; separators inside brackets or strings do not count."""
    parts, depth, quoted, begin = [], 0, False, 0
    for place, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[begin:place])
            begin = place + 1
    if depth or quoted:
        raise refused("an option has a bracket or a quote without its other half")
    return [*parts, text[begin:]]
