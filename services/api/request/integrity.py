"""What a constraint of the database refused, as a sentence that says what stands now and what to do.

For the moment between two people: what one looked at is there twice, or gone, when the other's write comes. Pure.
"""

import re
from typing import Final

_THERE: Final = re.compile(r"Key \((?P<names>.+?)\)=\((?P<values>.*)\) already exists\.")
_GONE: Final = re.compile(r'Key \(.+?\)=\((?P<values>.*)\) is not present in table "(?P<table>\w+)"\.')
_USED: Final = re.compile(r'Key \(.+?\)=\((?P<values>.*)\) is still referenced from table "(?P<table>\w+)"\.')


def said_of(detail: str) -> str | None:
    """Return the sentence for PostgreSQL's `DETAIL` of a violation; None where it says none of the three."""
    if found := _THERE.fullmatch(detail):
        return f"{found['values']} is there already ({found['names']}): open that one, or write another"
    if found := _GONE.fullmatch(detail):
        return f"{found['table']} {found['values']} is no longer there: reload and choose another"
    if found := _USED.fullmatch(detail):
        return f"{found['values']} is still used ({found['table']}): change that first"
    return None
