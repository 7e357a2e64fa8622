"""Which passwords are taken: long enough, and not among those that guessers try first. Used where one is set.

zxcvbn judges by lists of common passwords, names, keyboard runs and dates; what people here choose is added to them.
"""

import re
from pathlib import Path

from zxcvbn import zxcvbn

from services.api.request.secrets import normal_form

LEAST_SCORE = 2  # of 4: more than a million guesses
_BETWEEN = re.compile(r"[\W_]+")  # what stands between the words of a name
_JUDGED = 72  # zxcvbn's own bound; further characters only make it better
# what people of a fire brigade in Baode would build a password from, beside zxcvbn's English lists
_LOCAL_WORDS = tuple(Path(__file__).with_name("password_words.txt").read_text(encoding="utf-8").split())


def weakness(password: str, *about: str) -> str | None:
    """Return why a password cannot be taken, or None. `about`: what is known of the person. Takes some milliseconds."""
    given = normal_form(password)
    if not given.strip():
        return "must not be blank"
    if given != given.strip():
        return "must not begin or end with a blank"
    parts = [piece for part in about for piece in (part, *_BETWEEN.split(part), _BETWEEN.sub("", part))]
    known = [piece.lower() for piece in parts if len(piece) > 1]
    if zxcvbn(given[:_JUDGED], user_inputs=[*known, *_LOCAL_WORDS])["score"] < LEAST_SCORE:
        return "is too easy to guess: take several words, or more signs"
    return None
