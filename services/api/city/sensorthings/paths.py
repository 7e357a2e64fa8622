"""What the path of a request names: entities (`Things(1)/Datastreams`), a property, `$value`, `$ref`. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from services.api.city.sensorthings.model import LINKS, SETS, Entity, Link, has_property
from services.api.city.sensorthings.refusals import missing, refused

MOST_SEGMENTS: Final = 20
_OF_EACH: Final = frozenset({("id",), ("@iot.id",), ("@iot.selfLink",)})
_SEGMENT: Final = re.compile(r"(?P<name>[@$A-Za-z][\w.@]*)(?:\((?P<id>'(?:[^']|'')*'|-?\d{1,30})\))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path: the set that it begins with, or a link; with an id where one member is meant."""

    name: str
    entity: Entity
    many: bool
    link: Link | None
    id: str | None

    @property
    def is_single(self) -> bool:
        """Whether it names one entity."""
        return self.id is not None or not self.many


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to."""

    hops: tuple[Hop, ...]
    names: tuple[str, ...] = ()  # of a property, with the parts of an object
    value: bool = False  # the bare value of the property
    reference: bool = False  # only links

    @property
    def last(self) -> Hop:
        """The step that is answered."""
        return self.hops[-1]


def read_path(path: str) -> Target | None:
    """Return what is meant; None: the root.

    Raises:
        Problem: 400, 404.
    """
    segments = _segments(path)
    if not segments:
        return None
    if len(segments) > MOST_SEGMENTS:
        raise refused(f"a path has at most {MOST_SEGMENTS} parts")
    hops = [_first(segments[0])]
    for place, segment in enumerate(segments[1:], 1):
        here, rest = hops[-1], tuple(segments[place:])
        if segment == "$ref":
            if len(rest) > 1:
                raise missing("part of a path behind $ref")
            return Target(tuple(hops), reference=True)
        if not here.is_single:
            raise missing(f"{segment[:50]} of a collection: name one of {here.name} by its id")
        name, key = _parse(segment)
        link = LINKS[here.entity].get(name)
        if link is None:
            return _property(tuple(hops), rest)
        if key is not None and not link.many:
            raise missing(f"{segment[:50]}: {name} is one entity and takes no id")
        hops.append(Hop(name, link.target, link.many, link, key))
    return Target(tuple(hops))


def _segments(path: str) -> list[str]:
    """Return the parts between slashes; a slash inside a quoted id divides nothing."""
    parts, quoted, begin = [], False, 0
    for place, character in enumerate(path):
        if character == "'":
            quoted = not quoted
        elif character == "/" and not quoted:
            parts.append(path[begin:place])
            begin = place + 1
    parts.append(path[begin:])
    while parts and not parts[-1]:
        parts.pop()
    return parts[1:] if parts and not parts[0] else parts


def _parse(segment: str) -> tuple[str, str | None]:
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise missing(f"part of a path {segment[:50]}")
    key = match["id"]
    if key is not None and key.startswith("'"):
        key = key[1:-1].replace("''", "'")
    return match["name"], key


def _first(segment: str) -> Hop:
    name, key = _parse(segment)
    entity = SETS.get(name)
    if entity is None:
        raise missing(f"entity set {name[:50]}")
    return Hop(name, entity, True, None, key)


def _property(hops: tuple[Hop, ...], rest: tuple[str, ...]) -> Target:
    entity = hops[-1].entity
    value = rest[-1] == "$value"
    names = rest[:-1] if value else rest
    if not names or not (has_property(entity, names) or names in _OF_EACH):
        raise missing(f"property or link {'/'.join(names or rest)[:50]} of {entity}")
    return Target(hops, names=names, value=value)
