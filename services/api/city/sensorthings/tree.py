"""Walks the tree of an expression: its terms, its operands, and the paths in it. Pure; used by filter and whole.

Promises loops instead of recursion: a long chain of `and` or `+` is a deep tree.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from odata_query import ast

from services.api.city.sensorthings.grammar import path_of


def terms_of(node: Any, operator: type) -> list[Any]:
    """Return the parts of a chain of `and` or `or`, however long."""
    found, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.BoolOp) and isinstance(one.op, operator):
            waiting += [one.right, one.left]
        else:
            found.append(one)
    return found


def paths_in(node: Any) -> Iterator[tuple[str, ...]]:
    """Yield every path inside an expression, those inside `any` and `all` left out."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if (names := path_of(one)) is not None:
            yield names
        elif isinstance(one, ast.CollectionLambda):
            continue
        else:
            waiting += list(operands_of(one))


def operands_of(node: Any) -> Sequence[Any]:
    """Return the operands of an operator, the arguments of a function (the last one first) or the items of a list."""
    match node:
        case ast.BoolOp() | ast.Compare() | ast.BinOp():
            return (node.right, node.left)
        case ast.UnaryOp():
            return (node.operand,)
        case ast.Call():
            return tuple(reversed(node.args))
        case ast.List():
            return tuple(node.val)
    return ()
