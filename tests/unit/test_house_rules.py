"""Rules of the house that no linter knows."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for folder in ("services", "stack", "simulators", "bench") for path in (ROOT / folder).rglob("*.py")
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


LOST_DATABASE = ("AWAY", "LOST", "InterfaceError", "InternalClientError")


def _goes_on_after_a_lost_database(handler: ast.ExceptHandler) -> bool:
    if handler.type is None or not any(name in ast.unparse(handler.type) for name in LOST_DATABASE):
        return False
    return not isinstance(handler.body[-1], ast.Raise)


def _first_call(handler: ast.ExceptHandler) -> str:
    return ast.unparse(handler.body[0]).removeprefix("db.")


def test_who_waits_for_a_lost_database_passes_a_cancellation_on() -> None:
    looked_at = 0
    for path in SOURCES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Try):
                for handler in filter(_goes_on_after_a_lost_database, node.handlers):
                    looked_at += 1
                    assert _first_call(handler) == "pass_on_cancel()", f"{path}, line {handler.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
                assert "AWAY" not in ast.unparse(node), f"{path}, line {node.lineno}: it swallows a cancellation"
    assert looked_at > 10


LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@cache
def _log_calls() -> tuple[tuple[str, ast.Call], ...]:
    """Every call that writes to a log, and where it stands."""
    return tuple(_look_for_log_calls())


def _look_for_log_calls() -> Iterator[tuple[str, ast.Call]]:
    for path in SOURCES:
        for node in ast.walk(_tree(path)):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if level in LEVELS:
                    yield f"{path}, line {node.lineno}", node


def test_a_log_event_is_a_name_in_snake_case_and_what_varies_is_a_field() -> None:
    for place, call in _log_calls():
        (event,) = call.args
        assert isinstance(event, ast.Constant), place
        assert EVENT_NAME.fullmatch(event.value), f"{place}: {event.value!r}"


def _events(*, normal: bool) -> set[Any]:
    return {
        call.args[0].value
        for _, call in _log_calls()
        if isinstance(call.func, ast.Attribute) and (call.func.attr in {"debug", "info"}) is normal
        if isinstance(call.args[0], ast.Constant)
    }


def _listed(tables: str) -> set[str]:
    return {
        name
        for row in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", tables, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }


def test_the_page_of_log_events_names_every_event_that_there_is_and_no_other() -> None:
    page = (ROOT / "docs/logs.md").read_text(encoding="utf-8")
    _, to_act_on, normal = re.split("^## Any program$|^## Normal work$", page, flags=re.MULTILINE)
    for listed, written in (
        (_listed(to_act_on), _events(normal=False)),
        (_listed(normal), _events(normal=True) - _events(normal=False)),
    ):
        assert written - listed == set(), "add them to docs/logs.md: what they mean, and what to do"
        assert listed - written == set(), "nothing writes these"


def test_an_error_has_one_form_in_every_log() -> None:
    for place, call in _log_calls():
        for field in call.keywords:
            form = ast.unparse(field.value)
            assert not (field.arg == "error" and form.startswith(("repr(", "str(", "f"))), f"{place}: describe_error"


CLOCKS = {"monotonic", "perf_counter", "time", "monotonic_ns", "perf_counter_ns"}
WAITERS = {"until", "eventually", "wait_for"}
LEAST_PATIENCE_S = 5
MEASURING = ("mark.chaos", "mark.bench")  # runs whose figures are their purpose, on a machine of their own


def _is_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in CLOCKS


def _is_elapsed(node: ast.AST, measured: set[str]) -> bool:
    """Whether something in `node` is a time that went by: clock minus start, or a name that was given one."""
    return any(
        (isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) and _is_clock(part.left))
        or (isinstance(part, ast.Name) and part.id in measured)
        for part in ast.walk(node)
    )


def _measured_names(test: ast.AST) -> set[str]:
    """Return the names in `test` that hold a time that went by."""
    names: set[str] = set()
    for _ in range(3):  # one given to the next
        for node in ast.walk(test):
            match node:
                case ast.Assign(targets=[target], value=value) if _is_elapsed(value, names):
                    names.update(part.id for part in ast.walk(target) if isinstance(part, ast.Name))
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value]):
                    names.update({name} if _is_elapsed(value, names) else ())
    return names


def _hurries(test: ast.AST) -> Iterator[int]:
    """Yield the lines of `test` that fail on a machine with other work: something had to be quick."""
    measured = _measured_names(test)
    asserted = (node for one in ast.walk(test) if isinstance(one, ast.Assert) for node in ast.walk(one.test))
    for node in asserted:
        match node:
            case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE()]) if _is_elapsed(left, measured):
                yield node.lineno
            case ast.Compare(comparators=[right], ops=[ast.Gt() | ast.GtE()]) if _is_elapsed(right, measured):
                yield node.lineno
    for node in ast.walk(test):
        match node:
            case ast.Call(func=ast.Name(id=name), keywords=keywords) if name in WAITERS:
                for one in keywords:
                    if one.arg == "timeout_s" and isinstance(one.value, ast.Constant):
                        yield from [node.lineno] if float(str(one.value.value)) < LEAST_PATIENCE_S else []


def _tests_of(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        is_test = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        if is_test and not any(mark in ast.unparse(one) for one in node.decorator_list for mark in MEASURING):
            yield node


@pytest.mark.parametrize(
    "hurried",
    [
        "assert time.monotonic() - begun < 2",
        "assert 2 > loop.time() - begun",
        "took_s = []\n    took_s.append(time.perf_counter() - start)\n    assert max(took_s) <= 3",
        "slowest_s = max(slowest_s, loop.time() - start)\n    assert slowest_s < 6",
        "until(ready, what='ready', timeout_s=2)",
    ],
)
def test_a_hurried_test_is_recognised(hurried: str) -> None:
    assert [*_hurries(ast.parse(f"def test_it():\n    {hurried}"))]


@pytest.mark.parametrize(
    "patient",
    [
        "assert time.monotonic() < deadline",
        "assert loop.time() - started > 0.3",
        "assert frames <= 4 * (time.monotonic() - opened) + 1",
        "until(ready, what='ready', timeout_s=20)",
    ],
)
def test_a_patient_test_is_left_alone(patient: str) -> None:
    assert not [*_hurries(ast.parse(f"def test_it():\n    {patient}"))]


def test_no_test_asks_that_something_was_quick() -> None:
    """How long a thing takes is for benchmarks: a test that measures fails on a machine with other work."""
    found = [f"{path}, line {line}" for path in TESTS for test in _tests_of(_tree(path)) for line in _hurries(test)]
    assert not found, found


NEEDED_BY_ANOTHER: dict[str, str] = {}  # package: by which, and for what


LIMIT = re.compile(r"mark\.timeout\((\d+)")


def test_no_test_has_less_time_than_all_have() -> None:
    usual = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["timeout"]
    limits = [(path.name, int(found[1])) for path in TESTS for found in LIMIT.finditer(path.read_text())]
    assert limits
    assert not [limit for limit in limits if limit[1] <= usual], f"a busy machine needs the usual {usual} s"


def test_every_dependency_is_imported_or_has_its_reason() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    wanted = {re.split(r"[\[<>=~! ]", one)[0].lower() for one in declared}
    of_module = packages_distributions()
    imported = {
        name.lower().replace("_", "-")
        for path in (*SOURCES, *(ROOT / "migrations").rglob("*.py"))
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in ([one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        for name in of_module.get(module.split(".")[0], ())
    }
    assert wanted - imported == set(NEEDED_BY_ANOTHER)


LONGEST_FILE_LINES = 320


def test_every_file_does_one_thing_and_so_is_short() -> None:
    long = {
        path: lines for path in (*SOURCES, *TESTS) if (lines := len(path.read_text().splitlines())) > LONGEST_FILE_LINES
    }
    assert not long


A_STATEMENT = re.compile(r"\s*(select\s.*\sfrom\s|insert into\s|update\s+\w+\s.*\bset\s|delete from\s)", re.DOTALL)


def _written_out(tree: ast.AST) -> Iterator[ast.Constant]:
    """Texts that are neither documentation nor part of a composed one."""
    composed = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in composed | said:
            yield node


def test_statements_stand_in_files_beside_the_module_that_runs_them() -> None:
    for path in (ROOT / "services").rglob("*.py"):
        for text in _written_out(_tree(path)):
            assert not A_STATEMENT.match(text.value), f"{path}, line {text.lineno}: put it into {path.stem}.sql"
    for path in (ROOT / "services").rglob("*.sql"):
        folder = {module.stem for module in path.parent.glob("*.py")}
        assert path.stem in folder or path.stem == path.parent.name, f"{path} bears the name of no module beside it"


def test_each_revision_of_the_schema_follows_the_one_before_it() -> None:
    before = None
    for path in sorted((ROOT / "migrations" / "versions").glob("[0-9]*.py")):
        named = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in _tree(path).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert named["revision"] == path.name.partition("_")[0]
        assert named["down_revision"] == before, f"{path.name}: two revisions would be the newest at once"
        before = named["revision"]
