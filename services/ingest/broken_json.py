"""Objects out of text that is almost JSON: cut, padded, several in a row, trailing commas, single quotes. Pure.

mend calls it after the fast parsers have refused. It never guesses a value: what is not whole is named as doubtful,
what does not fit together marks its object as broken. Each object is first tried by the C scanner, so only what that
refuses is walked here, and `MOST_STEPS` ends the walk of any garbage.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.ingest.settle import make_object

MOST_STEPS = 20_000  # tokens walked of one message: some 20 ms, far more than any panel's event has
BROKEN = "broken_json"  # its parts do not fit together, so no number in it can be trusted
CHARACTERS_A_STEP = 32  # what the C scanner reads in the time of one step
LONGEST_UNESCAPED = 20_000  # longer texts of broken objects are not kept
DEEPEST = 40
NESTED_TOO_DEEP = "nested too deep"

# raw control characters in a string do not hide what it says
_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=make_object)
_BLANK = re.compile(r"[\s\x00-\x20\x7f\ufeff]*+")
_BARE = re.compile(r"[^\s\x00-\x20\x7f{}\[\]:,\"']++")  # a number, a literal, a word without quotes
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", '"': '"', "'": "'", "\\": "\\"}
_WORDS = {"true": True, "false": False, "null": None, "none": None, "undefined": None}
_NO_NUMBER = re.compile(r"[-+]?(?:nan|inf|infinity)(?:\(\w*\))?", re.IGNORECASE)  # as printf and Python write it


@dataclass(slots=True)
class Found:
    """One object of a broken message."""

    value: dict[str, Any]
    start: int
    end: int
    marks: set[str] = field(default_factory=set)  # tolerated: cut, trailing_comma, not_strict_json, broken_json
    doubtful: set[str] = field(default_factory=set)  # its fields whose end may be missing
    unread: int = 0  # from where nothing more was read of it: behind its brace, or at a quote without its partner


def find_objects(text: str, walk: "Walk | None" = None) -> tuple[list[Found], set[str]]:
    """Return the outermost objects of `text` in their order, and marks for what stands around them.

    Lists around them are seen through: an object is an element whether its list is whole or not.
    """
    walk = Walk(text) if walk is None else walk
    found: list[Found] = []
    around: list[str] = []
    at = 0
    while walk.steps < MOST_STEPS:
        start = text.find("{", at)
        if start < 0:
            break
        around.append(text[at:start])
        walk.steps += 1
        one = walk.outermost(start)
        at = one.end
        if one.value or not one.marks:
            found.append(one)
    if not found:
        return [walk.without_brace()], set()
    return found, _marks_around("".join(around), text[at:], found)


def _marks_around(before: str, after: str, found: list[Found]) -> set[str]:
    marks = set()
    if re.sub(r"[\s\x00-\x20\x7f\[\],]+", "", before + after):
        marks.add("text_around")
    if len(found) > 1 and "[" not in before:
        marks.add("several_in_one")
    if before.count("[") > (before + after).count("]"):
        marks.add("cut")
    if after.lstrip().startswith(","):
        marks.add("trailing_comma")
    return marks


class Walk:
    """A reader that goes on where a parser would stop."""

    def __init__(self, text: str) -> None:
        self.steps = 0
        self._text = text
        self._marks: set[str] = set()
        self._doubt = False  # the end of the value just read may be missing
        self._unread: int | None = None

    def outermost(self, start: int) -> Found:
        """Read the object whose brace stands at `start`."""
        whole = self._try_whole(start)
        if whole is not None:
            return Found(whole[0], start, whole[1], unread=whole[1])
        return self._walk_outermost(start, start + 1)

    def without_brace(self) -> Found:
        """Read a text that lost its first brace."""
        found = self._walk_outermost(0, 0)
        found.marks.add(BROKEN)
        return found

    def _walk_outermost(self, start: int, at: int) -> Found:
        self._marks, self._unread = set(), None
        value, end, doubtful = self._members(at, 1)
        return Found(value, start, end, self._marks, doubtful, end if self._unread is None else self._unread)

    def _try_whole(self, at: int) -> tuple[Any, int] | None:
        """Read an object or list that is well formed; an attempt in vain counts as so many steps."""
        try:
            return _DECODER.raw_decode(self._text, at)
        except (ValueError, RecursionError) as error:
            reached = error.pos if isinstance(error, json.JSONDecodeError) else len(self._text)
            self.steps += (reached - at) // CHARACTERS_A_STEP
            return None

    def _members(self, at: int, depth: int) -> tuple[dict[str, Any], int, set[str]]:
        text, members, doubtful = self._text, [], set()
        after_comma = True  # or at the beginning
        while True:
            at = self._skip(at)
            if at >= len(text):
                self._marks.add("cut")
                break
            if text[at] == "}":
                at += 1
                break
            if text[at] == ",":
                self._comma(at, "}", after_comma=after_comma)
                after_comma, at = True, at + 1
                continue
            if not after_comma:
                self._marks.add(BROKEN)
            key, at = self._key(at)
            if key is None:
                continue
            value, at = self._value(at, depth)
            members.append((key, value))
            after_comma = False
            doubtful.discard(key)
            if self._doubt:
                doubtful.add(key)
        self._doubt = False
        return make_object(members), at, doubtful

    def _key(self, at: int) -> tuple[str | None, int]:
        """Return a name and the place behind its colon; None for what is no name."""
        if self._text[at] in "{}[]:":
            self._marks.add(BROKEN)
            return None, at + 1
        name, end = self._word(at)
        colon = self._skip(end)
        if colon >= len(self._text):
            self._marks.add("cut")
            return None, colon
        if self._text[colon] != ":":
            self._marks.add(BROKEN)
            return None, colon
        return (name if isinstance(name, str) else self._text[at:end]), colon + 1

    def _value(self, at: int, depth: int) -> tuple[Any, int]:
        text = self._text
        self._doubt = False
        at = self._skip(at)
        if at >= len(text):
            self._doubt = True
            self._marks.add("cut")
            return None, at
        if text[at] in ",}":  # printf of an empty text
            self._marks.add("not_strict_json")
            return None, at
        if text[at] in "]:":
            self._marks.add(BROKEN)
            return None, at + 1
        if text[at] not in "{[":
            return self._word(at)
        return self._try_whole(at) or self._container(at, depth)

    def _container(self, at: int, depth: int) -> tuple[Any, int]:
        if depth >= DEEPEST:
            return self._leave_out(at)
        if self._text[at] == "{":
            value, end, doubtful = self._members(at + 1, depth + 1)
            self._doubt = bool(doubtful) or end >= len(self._text)
            return value, end
        return self._items(at + 1, depth)

    def _items(self, at: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        after_comma = True
        while True:
            at = self._skip(at)
            if at >= len(self._text):
                self._marks.add("cut")
                self._doubt = True
                return items, at
            if self._text[at] == "]":
                self._doubt = False
                return items, at + 1
            if self._text[at] == "}":  # the list was not closed: the brace is its object's
                self._marks.add(BROKEN)
                self._doubt = True
                return items, at
            if self._text[at] == ",":
                self._comma(at, "]", after_comma=after_comma)
                after_comma, at = True, at + 1
                continue
            if not after_comma:
                self._marks.add(BROKEN)
            value, at = self._value(at, depth + 1)
            items.append(value)
            after_comma = False

    def _leave_out(self, at: int) -> tuple[str, int]:
        """Step over a value deeper than anything we keep."""
        depth = 0
        while at < len(self._text):
            opened = self._text[at]
            if opened in "\"'":
                _, at = self._word(at)
            else:
                depth += (opened in "{[") - (opened in "}]")
                bare = _BARE.match(self._text, at)
                at = at + 1 if bare is None else bare.end()
            if depth == 0:
                return NESTED_TOO_DEEP, at
            at = self._skip(at)
        self._marks.add("cut")
        self._doubt = True
        return NESTED_TOO_DEEP, at

    def _word(self, at: int) -> tuple[Any, int]:
        """Read a text in quotes, or a number, literal or bare word."""
        text = self._text
        quote = text[at]
        if quote in _QUOTED:
            if quote == "'":
                self._marks.add("not_strict_json")
            match = _QUOTED[quote].match(text, at)
            if match is None:
                self._doubt, self._unread = True, at
                self._marks.add("cut")
                return self._unescape(text[at + 1 :].rstrip("\\")), len(text)
            return self._unescape(match[1]), match.end()
        bare = _BARE.match(text, at)
        if bare is None:
            self._marks.add(BROKEN)
            return None, at + 1
        word, end = bare[0], bare.end()
        self._doubt = self._skip(end) >= len(text)
        if word in ("true", "false", "null"):
            self._doubt = False
            return _WORDS[word], end
        try:
            return _number(word), end
        except ValueError:
            self._marks.add("not_strict_json")
        if word.lower() in _WORDS:
            return _WORDS[word.lower()], end
        return (float("nan") if _NO_NUMBER.fullmatch(word) else word), end

    def _unescape(self, body: str) -> str:
        if "\\" not in body or len(body) > LONGEST_UNESCAPED:
            return body
        plain = _ESCAPE.sub(self._unescape_one, body)
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # halves of a pair come together

    def _unescape_one(self, match: re.Match[str]) -> str:
        said = match[1]
        if len(said) > 1:
            return chr(int(said[1:], 16))
        if said not in _ESCAPED:
            self._marks.add("not_strict_json")  # C:\network: an escape that JSON does not know stands for itself
        return _ESCAPED.get(said, match[0])

    def _comma(self, at: int, closer: str, *, after_comma: bool) -> None:
        following = self._skip(at + 1)
        closes = following >= len(self._text) or self._text[following] == closer
        if after_comma:
            self._marks.add(BROKEN)
        elif closes and following < len(self._text):
            self._marks.add("trailing_comma")

    def _skip(self, at: int) -> int:
        """Return the place behind blanks; the end of the text once the walk has gone on for too long."""
        self.steps += 1
        if self.steps >= MOST_STEPS:
            self._marks.add(BROKEN)
            return len(self._text)
        match = _BLANK.match(self._text, at)
        return at if match is None else match.end()


def _number(word: str) -> Any:
    """Return what a bare word is in JSON; a whole number with all its digits."""
    value = orjson.loads(word)
    return int(word) if type(value) is float and word.lstrip("-").isdecimal() else value
