"""Reads `$filter` and `$orderby` into the tree of odata-query, whose grammar learns the names of SensorThings here.

Promises a bounded tree: long, deep or broken text is refused with a message that says where.
"""

import re
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any, Final

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from services.api.city.sensorthings.refusals import refused

LONGEST: Final = 20_000  # characters: a polygon of a thousand corners
DEEPEST: Final = 30  # brackets inside brackets
MOST_TERMS: Final = 1000
MOST_STEPS: Final = 50  # `not`, signs and arithmetic, which may stand inside each other
LONGEST_PATH: Final = 10  # names between slashes

_STRINGS: Final = re.compile(r"'(?:[^']|'')*'")
# `2026-11-01T00:00:00+08:00` whose plus came as a blank
_BLANK_OFFSET: Final = re.compile(r"(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)(?!:)", re.IGNORECASE)

_TERMS: Final = re.compile(r"\s(?:and|or|eq|ne|lt|le|gt|ge|in)\s", re.IGNORECASE)
_STEPS: Final = re.compile(r"\s(?:add|sub|mul|div|mod)\s|\bnot\b|-(?=\s*(?:[-(@]|[^\W\d]))", re.IGNORECASE)
_NAME: Final = r"@?[^\W\d](?:\.?\w){0,127}"  # letters of any script: OData 4.01 ABNF, identifierLeadingCharacter


class _Lexer(ODataLexer):
    """Takes names with an `@`, and names that begin like a word of the language (`allowed`, `nullable`)."""

    tokens = {*ODataLexer.tokens}  # noqa: RUF012 - SLY reads it from the class
    ANY = r"any(?=\s*\()"  # type: ignore[assignment]
    ALL = r"all(?=\s*\()"  # type: ignore[assignment]
    BOOLEAN = r"(?:true|false)\b(?!\s*[(/])"  # type: ignore[assignment]
    NULL = r"null\b"  # type: ignore[assignment]
    NOT = r"not(?=[\s(])\s*"  # type: ignore[assignment]
    # a whole path is one name: the rules for paths would read `any` behind two names at most
    ODATA_IDENTIFIER = rf"{_NAME}(?:/(?!(?:any|all)\s*\(){_NAME})*"  # type: ignore[assignment]


def _with_commas(tokens: Iterable[Any]) -> Iterator[Any]:
    """Yield the tokens, and a comma behind the only item of a list: without it the parser takes ('x') for brackets."""
    found = list(tokens)
    for place in reversed(range(len(found) - 1)):  # what is put in moves nothing that is still to be looked at
        if found[place].type == "IN" and found[place + 1].type == "(":
            _close_list(found, place + 1)
    yield from found


def _close_list(tokens: list[Any], begin: int) -> None:
    depth = commas = 0
    for place in range(begin, len(tokens)):
        kind = tokens[place].type
        depth += (kind == "(") - (kind == ")")
        commas += kind == "," and depth == 1
        if depth == 0:
            if not commas and place > begin + 1:
                comma = copy(tokens[place])
                comma.type = comma.value = ","
                tokens.insert(place, comma)
            return


def _call(func: ast.Identifier, args: list[Any]) -> ast.Call:
    """Take any function: `functions` knows which there are, and with how many arguments."""
    return ast.Call(func, args)


def parse(text: str, what: str) -> Any:
    """Return the tree of an expression.

    Raises:
        Problem: 400.
    """
    if len(text) > LONGEST:
        raise refused(f"{what}: at most {LONGEST} characters")
    bare = _STRINGS.sub("''", text)
    _check_depth(bare, what)
    if bare != (mended := _BLANK_OFFSET.sub(r"\1+\2", bare)):
        strings = iter(_STRINGS.findall(text))
        text = _STRINGS.sub(lambda _: next(strings), mended)
    parser = ODataParser()
    parser._function_call = _call  # type: ignore[method-assign]  # noqa: SLF001 - it knows too few names
    try:
        tree = parser.parse(_with_commas(_Lexer().tokenize(text.strip())))
    except ODataException as error:
        raise refused(f"{what}: cannot be read: {_words(error)}") from None
    except (NotImplementedError, AttributeError, TypeError, RecursionError):  # paths that its rules do not foresee
        raise refused(f"{what}: cannot be read") from None
    if tree is None:
        raise refused(f"{what}: is empty")
    return tree


def _check_depth(bare: str, what: str) -> None:
    depth = deepest = 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise refused(f"{what}: brackets are nested more than {DEEPEST} deep")
    if len(_TERMS.findall(bare)) > MOST_TERMS or len(_STEPS.findall(bare)) > MOST_STEPS:
        raise refused(f"{what}: more than {MOST_TERMS} comparisons or {MOST_STEPS} operations")
    if re.search(rf"(?:/[^/,;()\s]*){{{LONGEST_PATH},}}", bare):
        raise refused(f"{what}: a path of more than {LONGEST_PATH} names")


def _words(error: ODataException) -> str:
    """Return what the library found wrong, without the names of its classes."""
    token = getattr(error, "token", None)
    if token is None:
        return "it ends too early"
    value = getattr(token, "value", "")
    shown = getattr(value, "val", getattr(value, "name", value))
    text = shown if isinstance(shown, str) and shown.strip() else str(getattr(token, "type", "it")).lower()
    return f"at character {getattr(token, 'index', 0) + 1}, near «{text[:40]}»"


def path_of(node: Any) -> tuple[str, ...] | None:
    """Return the names of a path, or None where the node is none. `@iot.id` and `id` are the same."""
    if not isinstance(node, ast.Identifier):
        return None
    whole = ".".join((*node.namespace, node.name))
    return tuple("id" if name == "@iot.id" else name for name in whole.split("/"))
