"""Turns an expression into SQL over the rows of an entity: `$filter` as a condition, `$orderby` as columns.

A path that stays on the same row (Datastream/Thing/name) joins nothing. One that leads to many (Thing/Datastreams) asks
whether there is such a row; terms joined by `and` must hold for the same row. `any` and `all` of OData 4 are explicit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa
from odata_query import ast

from services.api.city.sensorthings.arithmetic import arithmetic
from services.api.city.sensorthings.functions import call
from services.api.city.sensorthings.geometry import Place, Shape
from services.api.city.sensorthings.grammar import path_of
from services.api.city.sensorthings.model import LINKS, Entity, Link
from services.api.city.sensorthings.properties import property_of
from services.api.city.sensorthings.refusals import refused
from services.api.city.sensorthings.rows import Column, Condition, Row, View
from services.api.city.sensorthings.tree import operands_of, paths_in, terms_of
from services.api.city.sensorthings.values import (
    Flag,
    Nothing,
    Number,
    ObservationId,
    Open,
    Span,
    StreamId,
    Value,
    compare,
    literal,
)
from services.core.topics import Kind

Names = tuple[str, ...]
SOURCES: Final[tuple[Kind | None, ...]] = (*Kind, None)
"""Where observations come from: the readings of each kind, and alarms."""
_LOCATED: Final = frozenset({Entity.LOCATION, Entity.HISTORICAL_LOCATION, Entity.FEATURE})
_MATH: Final = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "mod"}


def condition_of(view: View, entity: Entity, row: Row, tree: Any) -> Condition:
    """Return `$filter` as a condition on `row`.

    Raises:
        Problem: 400 names what is unknown or does not fit, 501 what is not built.
    """
    return _condition(_Here(view, entity, row), tree)


def order_of(view: View, entity: Entity, row: Row, tree: Any) -> tuple[Column, ...]:
    """Return the columns of one part of `$orderby`.

    Raises:
        Problem: 400.
    """
    here = _Here(view, entity, row)
    for names in paths_in(tree):
        if here.first_many(names) is not None:
            raise refused(f"$orderby: {'/'.join(names)[:80]} leads to many, which have no order among themselves")
    match value := _value(here, tree, []):
        case Open():
            return value.num, value.flag, value.text
        case StreamId():
            return value.device, value.number
        case ObservationId():
            return value.parts
        case Place() | Shape() | Nothing():
            raise refused("$orderby: positions have no order; use geo.distance")
        case _:
            return (value.sql,)


@dataclass(frozen=True, slots=True)
class _Here:
    """The context of an expression: its row, the rows it leads to, and the names that `any` gave to rows."""

    view: View
    entity: Entity
    row: Row
    joined: dict[Names, tuple[Entity, Row]] = field(default_factory=dict)
    named: dict[str, tuple[Entity, Row]] = field(default_factory=dict)

    def first_many(self, names: Names) -> Names | None:
        """Return the first part of a path that leads to many and has not been followed yet."""
        entity, start = self._start(names)
        for place in range(start, len(names)):
            link = LINKS[entity].get(names[place])
            if link is None:
                return None
            if not link.same_row and names[: place + 1] not in self.joined:
                return names[: place + 1]
            entity = link.target
        return None

    def follow(self, names: Names) -> tuple[Entity, Row, Names, list[Condition]]:
        """Return where a path ends, what remains of it, and what must hold for it to lead there."""
        row = self.named[names[0]][1] if names and names[0] in self.named else self.row
        entity, place = self._start(names)
        conditions: list[Condition] = []
        while place < len(names) and (link := LINKS[entity].get(names[place])) is not None:
            place += 1
            if link.same_row:
                entity = link.target
                if entity in _LOCATED and row.device is not None:
                    conditions.append(row.device.lon.is_not(None))
            else:
                entity, row = self.joined[names[:place]]
        return entity, row, names[place:], conditions

    def _start(self, names: Names) -> tuple[Entity, int]:
        return (self.named[names[0]][0], 1) if names and names[0] in self.named else (self.entity, 0)


def _condition(here: _Here, node: Any) -> Condition:
    match node:
        case ast.BoolOp(op=ast.And()):
            return _all_of(here, terms_of(node, ast.And))
        case ast.BoolOp():
            return sa.or_(*[_condition(here, term) for term in terms_of(node, ast.Or)])
        case ast.UnaryOp(op=ast.Not()):
            return sa.not_(sa.func.coalesce(_condition(here, node.operand), sa.false()))
        case ast.CollectionLambda():
            return _collection(here, node)
    if (many := _many(here, node)) is not None:
        return _exists(here, many, [node])
    needed: list[Condition] = []
    found = _simple(here, node, needed)
    return sa.and_(*needed, found) if needed else found


def _all_of(here: _Here, terms: list[Any]) -> Condition:
    """Return terms that must hold together: those about the same collection must hold for one row of it."""
    found: list[Condition] = []
    groups: dict[Names, list[Any]] = {}
    for term in terms:
        if not isinstance(term, ast.BoolOp) and (many := _many(here, term)) is not None:
            groups.setdefault(many, []).append(term)
    for term in terms:
        many = _many(here, term)
        if isinstance(term, ast.BoolOp) and many in groups:
            groups[many].append(term)
        elif many is None or isinstance(term, ast.BoolOp):
            found.append(_condition(here, term))
    found += [_exists(here, many, group) for many, group in groups.items()]
    return sa.and_(*found)


def _many(here: _Here, node: Any) -> Names | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return None  # `not` speaks of all of them
    return next((many for names in paths_in(node) if (many := here.first_many(names)) is not None), None)


def _exists(here: _Here, names: Names, terms: list[Any]) -> Condition:
    outer, link = _last_link(here, names)
    return related(
        here.view,
        link,
        outer,
        lambda row: _all_of(replace(here, joined={**here.joined, names: (link.target, row)}), terms),
    )


def _last_link(here: _Here, names: Names) -> tuple[Row, Link]:
    """Return the row that the last link of a path starts from, and that link."""
    entity, row, rest, _ = here.follow(names[:-1])
    if rest:
        raise refused(f"unknown link {'/'.join(names)[:80]} of {here.entity}")
    link = LINKS[entity].get(names[-1])
    if link is None:
        raise refused(f"unknown link {'/'.join(names)[:80]} of {here.entity}")
    return row, link


def related(view: View, link: Link, outer: Row, build: Callable[[Row], Condition]) -> Condition:
    """Return whether `link` leads from `outer` to a row that `build` wants."""
    rows = (
        [view.observations(source) for source in SOURCES]
        if link.target is Entity.OBSERVATION
        else [view.rows(link.target)]
    )
    return sa.or_(*[
        sa.exists(
            sa.select(sa.literal_column("1"))
            .select_from(row.source)
            .where(*row.where, *(row.key(name) == outer.key(name) for name in link.by), build(row))
        )
        for row in rows
    ])  # fmt: skip


def _collection(here: _Here, node: Any) -> Condition:
    """Return `Datastreams/any(d:d/name eq 'x')`, or the same with `all`."""
    names = path_of(node.owner)
    if names is None:
        raise refused("any and all stand behind the name of a link")
    if (many := here.first_many(names[:-1])) is not None:
        return _exists(here, many, [node])
    outer, link = _last_link(here, names)
    every = isinstance(node.operator, ast.All)
    if node.lambda_ is None:
        if every:
            raise refused("all takes an expression: all(d:d/name eq 'x')")
        inner: Callable[[Row], Condition] = lambda _row: sa.true()  # noqa: E731
    else:
        name, expression = node.lambda_.identifier.name, node.lambda_.expression

        def inner(row: Row) -> Condition:
            found = _condition(replace(here, named={**here.named, name: (link.target, row)}), expression)
            return sa.not_(sa.func.coalesce(found, sa.false())) if every else found

    if link.same_row:
        there = outer.device.lon.is_not(None) if link.target in _LOCATED and outer.device is not None else sa.true()
        found = sa.and_(there, inner(outer))
    else:
        found = related(here.view, link, outer, inner)
    return sa.not_(sa.func.coalesce(found, sa.false())) if every else found


def _simple(here: _Here, node: Any, needed: list[Condition]) -> Condition:
    if isinstance(node, ast.Compare):
        if isinstance(node.comparator, ast.In):
            left = _value(here, node.left, needed)
            return sa.or_(
                sa.false(), *[compare(ast.Eq, left, _value(here, item, needed)) for item in operands_of(node.right)]
            )
        left, right = _value(here, node.left, needed), _value(here, node.right, needed)
        return compare(type(node.comparator), left, right)
    match value := _value(here, node, needed):
        case Flag():
            return value.sql
        case Open():
            return value.flag
    raise refused("$filter: an expression is no condition; compare it with something")


def _value(here: _Here, node: Any, needed: list[Condition]) -> Value:
    if (names := path_of(node)) is not None:
        entity, row, rest, conditions = here.follow(names)
        needed += conditions
        if not rest:
            raise refused(f"{'/'.join(names)[:80]} is a link; name a property of it")
        return property_of(here.view, entity, row, rest)
    match node:
        case ast.Call():
            arguments = [_value(here, argument, needed) for argument in node.args]
            return call(".".join((*node.func.namespace, node.func.name)), arguments, here.view.now)
        case ast.BinOp():
            left, right = _value(here, node.left, needed), _value(here, node.right, needed)
            return arithmetic(_MATH[type(node.op)], left, right)
        case ast.UnaryOp(op=ast.USub()):
            operand = _value(here, node.operand, needed)
            if isinstance(operand, Span):
                return Span(-operand.sql)
            return arithmetic("sub", Number(sa.literal(0.0, sa.Double()), 0.0), operand)
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp() | ast.CollectionLambda():
            return Flag(_condition(here, node))
        case ast.NamedParam() | ast.List():
            raise refused("a list or a named parameter stands where one value is expected")
    return literal(node)
