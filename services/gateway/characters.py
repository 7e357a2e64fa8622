"""Which characters a panel's text is made of: GB 18030, as the standard says, or UTF-8, as some devices send. Pure.

Used by objects.py. Nearly all UTF-8 Chinese is valid GB 18030, too, and reads as rare characters then; so both readings
are made and the more plausible one is taken, GB 18030 in doubt. What counts is what people write on panels: the 3 755
common characters of GB 2312 (level 1, rows 16 to 55, sorted by sound), its punctuation, numerals and full-width forms.
"""

import codecs
import unicodedata

COMMON_ROWS = range(0xB0, 0xD8)  # GB 2312, level 1
LEAST = 0.5  # of a text in UTF-8: names with rare characters are Chinese, too
SYMBOL_ROWS = range(0xA1, 0xA4)  # punctuation, numerals, full-width ASCII


def read_characters(raw: bytes, *, may_be_cut: bool) -> str:
    """Return the text of `raw`. `may_be_cut`: its field was full, so the last character may be there in part only."""
    if raw.isascii():
        return raw.decode("ascii")
    utf8 = _decode(raw, "utf-8", may_be_cut=may_be_cut)
    if utf8 is not None and _likeness(utf8) >= LEAST:
        gb18030 = _decode(raw, "gb18030", may_be_cut=may_be_cut)
        if gb18030 is None or _likeness(gb18030) < _likeness(utf8):
            return utf8
    return codecs.getincrementaldecoder("gb18030")(errors="replace").decode(raw)  # half a character at the end is none


def _decode(raw: bytes, encoding: str, *, may_be_cut: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(raw, final=not may_be_cut)
    except UnicodeDecodeError:
        return None


def _likeness(text: str) -> float:
    """Return how much of what is not ASCII is common; 0 where anything is private, unassigned or a control."""
    beyond = [char for char in text if not char.isascii()]
    if not beyond or any(unicodedata.category(char)[0] == "C" for char in beyond):
        return 0.0
    return sum(map(_is_common, beyond)) / len(beyond)


def _is_common(char: str) -> bool:
    try:
        row = char.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return row in COMMON_ROWS or row in SYMBOL_ROWS
