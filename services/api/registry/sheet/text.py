"""The bytes of a ledger as text, and its columns apart. Pure; used by `rows`.

Promises that what Excel, WPS and QGIS save is read: UTF-8 with or without a mark, UTF-16 ("Unicode text"), GB 18030,
commas, semicolons or tabs, with a `sep=` line or without.
"""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterator

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8"))
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # .xlsx, and archives as a GIS packs them; .xls
_DELIMITERS = ("\t", ";", ",", "；", "，", "|")
_LOOKED_AT_BYTES = 4096


class UnreadableLedger(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""


def decode_text(raw: bytes) -> str:
    """Return the text of a file in UTF-8, UTF-16 or, as Chinese spreadsheets save it, GB 18030."""
    if raw.startswith((_ZIP, _OLE)):
        raise UnreadableLedger("it is a workbook or an archive, no text: save it as CSV, or export a layer as GeoJSON")
    for encoding in _encodings(raw):
        try:
            return raw.decode(encoding).removeprefix("\ufeff").rstrip("\0\x1a")
        except UnicodeDecodeError:
            continue
    raise UnreadableLedger("the file is neither UTF-8 nor UTF-16 nor GB 18030")


def begins_json(raw: bytes) -> bool:
    """Tell whether a file looks like JSON, in whatever encoding."""
    return raw[:_LOOKED_AT_BYTES].translate(None, b"\0\xff\xfe\xef\xbb\xbf").lstrip()[:1] == b"{"


def _encodings(raw: bytes) -> tuple[str, ...]:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return (encoding,)
    start = raw[:_LOOKED_AT_BYTES].rstrip(b"\0")
    even, odd = start[::2].count(0), start[1::2].count(0)
    if even or odd:  # no other encoding has NULs within a text; the half of commas and line ends tells the order
        return ("utf-16-le",) if odd > even else ("utf-16-be",)
    return ("utf-8", "gb18030")


def read_table(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each line of a table with its number, the heading first.

    Raises:
        UnreadableLedger: quotes that do not end, and the like.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first, _, rest = text.partition("\n")
    told, skipped = _told_delimiter(first), 0
    if told is not None:
        text, skipped = rest, 1
    delimiter = told or max(_DELIMITERS, key=text.lstrip("\n").partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    begun = skipped  # a quote that never ends swallows every line behind it
    try:
        for cells in reader:
            begun = reader.line_num + skipped
            yield begun, cells
    except csv.Error as error:
        raise UnreadableLedger(
            f"line {begun + 1}: its quotes do not pair ({error}): a cell that begins with a quote ends with one, "
            "and a quote within it is written twice"
        ) from error


def _told_delimiter(line: str) -> str | None:
    """Return what a line `sep=;` says, which Excel writes and reads before the heading."""
    plain = line.strip(' "')
    return plain[-1] if plain[:-1].lower() == "sep=" else None


def plain_text(text: str) -> str:
    """Return `text` in plain characters: full-width ones narrow, without invisible marks, not padded."""
    narrow = unicodedata.normalize("NFKC", text)
    return "".join(one for one in narrow if unicodedata.category(one) not in {"Cc", "Cf"} or one == "\t").strip()
