"""When two names of a component are one: the normal form by which components are compared. Pure.

Used wherever a component is an identity: the key of an open alarm, a site's fires and evidence, a reset of one part.
What people see stays as it was sent first, and an event's own identity stays that of its bytes.
"""

import re
import unicodedata
from functools import lru_cache

_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_REMOVED = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})  # controls, invisible marks, blanks of every width
# letters and marks that are ignorable or blank although their category says otherwise, and what stands for a lost one
_INVISIBLE = re.compile("[\ufffd\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_MINUS = "\N{MINUS SIGN}"


@lru_cache(maxsize=16_384)
def normal_component(sent: str) -> str:
    """Return what `sent` is compared by: NFKC, without blanks and controls, case and leading zeros folded.

    `3-12`, `3-012 `, full-width digits and a zero-width space within are one component; what is only blank is none.
    Dashes of every kind count as the hyphen: nobody calls two detectors `3-12` and `3–12`.
    """
    simple = sent.isascii() and sent.isprintable()
    # a second time, because removing an invisible mark can make characters combine
    plain = sent.replace(" ", "").casefold() if simple else _fold(_fold(sent))
    return _LEADING_ZEROS.sub("", plain)


def same_component(one: str, other: str) -> bool:
    """Tell whether two texts name the same component."""
    return one == other or normal_component(one) == normal_component(other)


def is_named(component: str) -> bool:
    """Tell whether a text names a component at all: what is only blank does not."""
    return component != "" and normal_component(component) != ""


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _INVISIBLE.sub("", "".join(filter(None, map(_fold_one, folded))))


def _fold_one(character: str) -> str:
    category = unicodedata.category(character)
    if category in _REMOVED:
        return ""
    if category == "Pd" or character == _MINUS:
        return "-"
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)
