"""The file of an uploaded form, taken out within bounds. Runs in a thread: a hostile form must not hold the loop.

Used by the import. Promises to give up within seconds on anything that is not the form of a ledger.
"""

import time
from typing import TYPE_CHECKING, NamedTuple

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_PARTS = 20
MOST_DATUM_BYTES = 100
MOST_LINES = 60_000  # more than the rows a ledger may have, with room for blank ones
MOST_LINE_BYTES = 64 * 1024
MOST_VALUES = 3_000_000  # commas, brackets and braces: each value costs Python much more than its bytes
LONGEST_S = 5.0
_PIECE = 64 * 1024


class FormTooLarge(Exception):
    """The form or file is beyond a bound; the message names it."""


class UnreadableForm(Exception):
    """It is no form; the message says why."""


class Upload(NamedTuple):
    """A file, its type and name as given, and the form's `datum`."""

    raw: bytes
    kind: str
    datum: str | None


class _Part:
    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.data = bytearray()

    def option(self, name: bytes) -> str | None:
        found = parse_options_header(self.headers.get(b"content-disposition"))[1].get(name)
        return None if found is None else found.decode("utf-8", "replace")


class _Form:
    """Collects the parts as the parser meets them."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self._name, self._value = b"", b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_header_field": self._field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
        }

    def _begin(self) -> None:
        if len(self.parts) >= MOST_PARTS:
            raise FormTooLarge(f"the form has more than {MOST_PARTS} parts")
        self.parts.append(_Part())

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += data[start:end]

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self.parts[-1].headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""


def read_form(content_type: str, raw: bytes) -> Upload:
    """Return what a form uploads: the part with a file name, or the first other one.

    Raises:
        FormTooLarge: more parts, longer headers or more time than a ledger needs.
        UnreadableForm: it is no form.
    """
    boundary = parse_options_header(content_type.encode("latin-1", "replace"))[1].get(b"boundary")
    if not boundary:
        raise UnreadableForm("the form has no boundary")
    form, give_up_at = _Form(), time.monotonic() + LONGEST_S
    try:
        parser = MultipartParser(boundary, form.callbacks())
        for start in range(0, len(raw), _PIECE):
            parser.write(raw[start : start + _PIECE])
            if time.monotonic() > give_up_at:
                raise FormTooLarge("the form takes too long to read")
        parser.finalize()
    except MultipartParseError as error:
        raise UnreadableForm(f"the form cannot be read: {error}") from error
    return _choose(form.parts)


def _choose(parts: list[_Part]) -> Upload:
    file: _Part | None = None
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
