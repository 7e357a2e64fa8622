"""The file of an uploaded form, taken out within bounds. Runs in a thread: a hostile form must not hold the loop.

Used by the import. Promises to give up within seconds on anything that is not the form of a ledger.
"""

from typing import NamedTuple

from services.api.request.forms import FormTooLarge, Part, read_parts

MOST_DATUM_BYTES = 100
MOST_LINES = 60_000  # more than the rows a ledger may have, with room for blank ones
MOST_LINE_BYTES = 64 * 1024
MOST_VALUES = 3_000_000  # commas, brackets and braces: each value costs Python much more than its bytes


class Upload(NamedTuple):
    """A file, its type and name as given, and the form's `datum`."""

    raw: bytes
    kind: str
    datum: str | None


def read_form(content_type: str, raw: bytes) -> Upload:
    """Return what a form uploads: the part with a file name, or the first other one.

    Raises:
        FormTooLarge: more parts, longer headers or more time than a ledger needs.
        UnreadableForm: it is no form.
    """
    return _choose(read_parts(content_type, raw))


def _choose(parts: list[Part]) -> Upload:
    file: Part | None = None
    datum: str | None = None
    for part in parts:
        if part.option(b"name") == "datum":
            datum = bytes(part.data[:MOST_DATUM_BYTES]).decode("utf-8", "replace").strip()
        elif part.option(b"filename") is not None or file is None:
            file = part
    if file is None:
        return Upload(b"", "", datum)
    kind = file.headers.get(b"content-type", b"").decode("latin-1")
    return Upload(bytes(file.data), f"{kind} {file.option(b'filename')}", datum)


def check_lines(raw: bytes) -> None:
    """Refuse a text of more or longer lines than a ledger has, before a reader makes objects of each.

    Raises:
        FormTooLarge: it names the bound.
    """
    lines = raw.replace(b"\r", b"\n").split(b"\n", MOST_LINES)
    if len(lines) > MOST_LINES and lines[-1].strip():
        raise FormTooLarge(f"more than {MOST_LINES} lines; split the file")
    if max(map(len, lines)) > MOST_LINE_BYTES:
        raise FormTooLarge(f"a line is longer than {MOST_LINE_BYTES} bytes")


def check_values(raw: bytes) -> None:
    """Refuse a JSON document of more values than a ledger has, before a parser makes objects of each.

    Raises:
        FormTooLarge: it names the bound.
    """
    if sum(raw.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise FormTooLarge(f"more than {MOST_VALUES} values; split the file")
