"""A form's parts, taken apart within bounds. Runs in a thread: a hostile form must not hold the loop.

Used by the import of a ledger and by inspections. Promises to give up within seconds on anything that is not a form.
"""

import time
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM = "multipart/form-data"
MOST_PARTS = 20
LONGEST_S = 5.0
_PIECE = 64 * 1024


class FormTooLarge(Exception):
    """The form or file is beyond a bound; the message names it."""


class UnreadableForm(Exception):
    """It is no form; the message says why."""


class Part:
    """One part: its headers, by their names in lower case, and its bytes."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.data = bytearray()

    def option(self, name: bytes) -> str | None:
        """Return `name` or `filename` of the part."""
        found = parse_options_header(self.headers.get(b"content-disposition"))[1].get(name)
        return None if found is None else found.decode("utf-8", "replace")


class _Form:
    """Collects the parts as the parser meets them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
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
        self.parts.append(Part())

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += data[start:end]

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self.parts[-1].headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""


def read_parts(content_type: str, raw: bytes) -> list[Part]:
    """Return the parts of a form.

    Raises:
        FormTooLarge: more parts, longer headers or more time than a form of ours needs.
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
    return form.parts
