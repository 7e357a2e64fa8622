"""Rules of the house that no linter knows."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("services", "stack", "simulators") for path in (ROOT / folder).rglob("*.py"))


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
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Try):
                for handler in filter(_goes_on_after_a_lost_database, node.handlers):
                    looked_at += 1
                    assert _first_call(handler) == "pass_on_cancel()", f"{path}, line {handler.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
                assert "AWAY" not in ast.unparse(node), f"{path}, line {node.lineno}: it swallows a cancellation"
    assert looked_at > 10
