"""What could not become a row: the bytes, a code, and a sentence that names the field and the cure. Pure data."""

from dataclasses import dataclass


@dataclass(slots=True)
class Reject:
    """One row of `reject` to be."""

    payload: bytes
    reason: str
    detail: str
    element: int | None = None  # index in the array
    stored: bool = False  # its element was stored without the bad field, or its message as far as it could be read

    @property
    def code(self) -> str:
        """Return the reason without the name of a field: what is counted."""
        return self.reason.partition(":")[0]
