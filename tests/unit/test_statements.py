"""Statements in files: what a module asks for by name is in the file that it loads, and no statement is left over."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from services.core.statements import load_queries
from tests.unit.test_house_rules import ROOT, SOURCES

Books = Mapping[str, Path]
"""Of one module: the variables that hold statements (`SQL`, `aside.SQL`), and the file of each."""
FILES = {
    path: frozenset(load_queries(str(path), path.name))
    for folder in ("services", "simulators", "stack", "bench")
    for path in (ROOT / folder).rglob("*.sql")
}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _loaded(value: ast.expr, module: Path) -> Path | None:
    """The file that an expression loads; None: it loads none."""
    match value:
        case ast.Call(func=ast.Name(id="load_queries"), args=[_]):
            return module.with_suffix(".sql")
        case ast.Call(func=ast.Name(id="load_queries"), args=[_, ast.Constant(value=str(shared))]):
            return module.with_name(shared)
    return None


@cache
def _books(module: Path) -> Books:
    """The files that a module loads, and those that it has from the module that loads them."""
    found: dict[str, Path] = {}
    for node in _tree(module).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if (file := _loaded(value, module)) is not None:
                found[name] = file
            case ast.ImportFrom(module=str(dotted), names=names):
                for one in names:
                    found |= _imported(ROOT / dotted.replace(".", "/"), one.name, one.asname or one.name)
    return found


def _imported(source: Path, name: str, called: str) -> Books:
    """The files behind `from source import name as called`: of a variable, or of every variable of a module."""
    if (module := source.with_suffix(".py")) in SOURCES:
        file = _books(module).get(name)
        return {} if file is None else {called: file}
    if (module := source / f"{name}.py") in SOURCES:
        return {f"{called}.{variable}": file for variable, file in _books(module).items()}
    return {}


@cache
def _asked() -> tuple[tuple[str, Path, ast.expr], ...]:
    """Every `SQL[…]`: where it stands, the file behind it, and what stands in the brackets."""
    return tuple(_look())


def _look() -> Iterator[tuple[str, Path, ast.expr]]:
    for module in SOURCES:
        books = _books(module)
        for node in ast.walk(_tree(module)):
            match node:
                case ast.Subscript(value=ast.Name() | ast.Attribute() as name, slice=asked) if file := books.get(
                    ast.unparse(name)
                ):
                    yield f"{module.relative_to(ROOT)}, line {node.lineno}", file, asked
                case ast.Subscript(value=ast.Call() as call, slice=asked) if file := _loaded(call, module):
                    yield f"{module.relative_to(ROOT)}, line {node.lineno}", file, asked


def _pattern(asked: ast.expr) -> str | None:
    """The names that may be meant, as a regular expression; None: the name is in a variable."""
    match asked:
        case ast.Constant(value=str(name)):
            return re.escape(name)
        case ast.JoinedStr(values=parts):
            return "".join(re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in parts)
    return None


def test_a_statement_that_is_asked_for_stands_in_the_file_that_is_loaded() -> None:
    for place, file, asked in _asked():
        assert file in FILES, f"{place}: there is no {file.relative_to(ROOT)}"
        pattern = _pattern(asked)
        if pattern is not None:
            assert any(re.fullmatch(pattern, name) for name in FILES[file]), f"{place}: {file.name} has no {pattern}"
    assert len(_asked()) > 300


def test_no_statement_is_left_over() -> None:
    for file, names in FILES.items():
        patterns = [_pattern(asked) for _, other, asked in _asked() if other == file]
        left = {name for name in names if not any(re.fullmatch(one, name) for one in patterns if one is not None)}
        if None in patterns:
            left -= _texts_beside(file)
        assert not left, f"{file.relative_to(ROOT)}: nothing asks for {', '.join(sorted(left))}"


def _texts_beside(file: Path) -> set[str]:
    """Every text in the modules of a folder: one of them puts it into the variable."""
    return {
        node.value
        for module in SOURCES
        if module.parent == file.parent
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
