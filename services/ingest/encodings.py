"""Bytes of a broken message -> text, whatever the device's editor or firmware wrote. Pure; mend calls it.

Tells encodings apart by their own marks: a byte order mark, the NULs of UTF-16, what is valid UTF-8. Promises an answer
for all bytes, in time proportional to their number, and says what had to be tolerated.
"""

import codecs

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Where the NULs stand in two ASCII characters, with which JSON begins (RFC 4627, section 3). One character would not
# do: a length of four bytes before a message, or three NULs, look like the first of UTF-32.
_NULS: tuple[tuple[tuple[bool, ...], str], ...] = (
    ((True, True, True, False) * 2, "utf-32-be"),
    ((False, True, True, True) * 2, "utf-32-le"),
    ((True, False) * 2, "utf-16-be"),
    ((False, True) * 2, "utf-16-le"),
)
# What these marks say took nothing from the text: JSON in such bytes is JSON (decision 0089).
ENCODINGS = frozenset({"padding", "read_as_utf16", "read_as_utf32", "not_utf8_read_as_gb18030"})
_FIRST_OF_CJK = "\u2e80"
_LOST = "\N{REPLACEMENT CHARACTER}"

# What fills a buffer behind or before a text: NUL and the other controls, Ctrl-Z of old files, erased flash.
BYTE_PADDING = bytes(range(0x21)) + b"\x7f\xff"
PADDING = "".join(map(chr, range(0x21))) + "\x7f\x85\xa0\u200b\u2028\u2029\ufeff\ufffe\uffff"


def read_text(payload: bytes) -> tuple[str, list[str]]:
    """Return the text without its padding, and marks for what was not plain UTF-8."""
    marks: list[str] = []
    wide = _wide_encoding(payload)
    if wide is not None:
        text = payload.decode(wide, "replace")
        marks.append(f"read_as_{wide[:6].replace('-', '')}")
        if _LOST in text.rstrip(_LOST):
            marks.append("not_utf8")
    else:
        trimmed = payload.strip(BYTE_PADDING)
        if len(trimmed) < len(payload.strip()):
            marks.append("padding")
        text, mark = _read_narrow(trimmed)
        if mark is not None:
            marks.append(mark)
    plain = text.rstrip(_LOST).strip(PADDING) if wide is not None else text.strip(PADDING)
    if len(plain) < len(text.strip()) and "padding" not in marks:
        marks.append("padding")
    return plain, marks


def _wide_encoding(payload: bytes) -> str | None:
    for bom, encoding in _BOMS:
        if payload.startswith(bom):
            return encoding
    start = tuple(byte == 0 for byte in payload[:8])
    return next((encoding for nuls, encoding in _NULS if start[: len(nuls)] == nuls), None)


def _read_narrow(payload: bytes) -> tuple[str, str | None]:
    try:
        return payload.decode("utf-8"), None
    except UnicodeDecodeError as error:
        cut_character = error.reason == "unexpected end of data"
    if cut_character:  # a message cut within its last character is UTF-8 up to there
        return payload.decode("utf-8", "ignore"), None
    try:
        return payload.decode("utf-8", "surrogatepass"), "lone_surrogate"
    except UnicodeDecodeError:
        utf8 = payload.decode("utf-8", "replace")
    lost = utf8.count(_LOST)
    if lost >= sum(character >= _FIRST_OF_CJK for character in utf8) - lost:
        try:
            return payload.decode("gb18030"), "not_utf8_read_as_gb18030"
        except UnicodeDecodeError:
            pass
    return utf8, "not_utf8"
