"""Statements in files, by their names."""

import pytest

from services.core.statements import load_queries


def test_queries_are_found_by_their_block_name(tmp_path):
    file = tmp_path / "some.sql"
    file.write_text("-- name: first\nselect 1\n\n-- name: second\n-- why\nselect 2\n", encoding="utf-8")
    assert load_queries(str(file)) == {"first": "select 1", "second": "-- why\nselect 2"}
    with pytest.raises(TypeError):
        load_queries(str(file))["first"] = ""
