"""Forms and files that are no ledgers are given up within bounds, whatever they are made of."""

from collections.abc import Callable

import pytest

from services.api.registry.sheet.form import (
    MOST_LINE_BYTES,
    MOST_LINES,
    MOST_VALUES,
    check_lines,
    check_values,
    read_form,
)
from services.api.request.forms import MOST_PARTS, FormTooLarge, UnreadableForm

KIND = "multipart/form-data; boundary=b"


def part(body: bytes, name: str = "file", more: str = '; filename="l.csv"\r\nContent-Type: text/csv') -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + body + b"\r\n"


def test_the_file_and_the_datum_are_found_in_any_order() -> None:
    named = part(b" gcj02 ", "datum", "")
    for form in (named + part(b"code\nh-1\n"), part(b"code\nh-1\n") + named):
        upload = read_form(KIND, form + b"--b--\r\n")
        assert upload == (b"code\nh-1\n", "text/csv l.csv", "gcj02")


def test_a_file_of_every_byte_is_taken_whole() -> None:
    body = bytes(range(256)) * 400 + b"\r\n--\r\n-b\r\r\n"
    assert read_form(KIND, part(body) + b"--b--\r\n").raw == body


@pytest.mark.parametrize(
    "form",
    [
        part(b"") * (MOST_PARTS + 1),
        part(b"") * 500_000,
        b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 3000,
    ],
    ids=["one too many", "half a million", "nested"],
)
def test_more_parts_than_a_ledger_has_are_refused(form: bytes) -> None:
    with pytest.raises(FormTooLarge, match="parts"):
        read_form(KIND, form)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("multipart/form-data", part(b"x")),
        (KIND, b"no form"),
        (KIND, b"--b\r\n" + b"x" * 5000 + b": y\r\n\r\n"),
        (KIND, b"--b\r\n" + b"a: b\r\n" * 100 + b"\r\n"),
        (KIND, part(b"x", "file", "\r\nBad Header \xff: 1")),
    ],
    ids=["no boundary", "no form", "long header", "many headers", "bad header"],
)
def test_what_is_no_form_is_said_to_be_none(kind: str, form: bytes) -> None:
    with pytest.raises(UnreadableForm):
        read_form(kind, form)


@pytest.mark.parametrize(
    ("check", "raw"),
    [
        (check_lines, b"x\n" * (MOST_LINES + 1)),
        (check_lines, b"x\r" * (MOST_LINES + 1)),
        (check_lines, b"code\n" + b"," * (MOST_LINE_BYTES + 1)),
        (check_lines, b"x" * 30_000_000),
        (check_values, b"{}," * (MOST_VALUES // 2 + 1)),
    ],
    ids=["lines", "old Mac lines", "cells", "one long line", "values"],
)
def test_more_than_a_ledger_has_is_refused_before_it_is_read(check: Callable[[bytes], None], raw: bytes) -> None:
    with pytest.raises(FormTooLarge):
        check(raw)


def test_a_large_ledger_passes() -> None:
    check_lines(b"h-1,hydrant,140931100,x,111.1,39.0\r\n" * 25_000)
    check_values(b'{"type":"Feature","properties":{"code":"h-1","kind":"hydrant"},"geometry":{}},' * 50_000)
