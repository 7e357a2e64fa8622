"""What could not become a row: the bytes, a code, and a sentence that names the field and the cure. Pure data."""

from dataclasses import dataclass


@dataclass(slots=True)
class Reject:
    """One row of `reject` to be."""

    payload: bytes
    reason: str
    detail: str
    element: int | None = None  # index in the array
    stored: bool = False  # the element was stored without the bad field
