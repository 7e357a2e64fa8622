"""What changed and was not sent yet: each thing once, fires first, then what has waited longest. Pure.

Used by `feed`. Promises to lose nothing that it took; what is too much is refused as a whole, never in part.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Backlog(Generic[Name]):
    """Names of things to be told. Each is read when its turn comes, so once is enough however often it changed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Name, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, names: Iterable[Name], *, first: bool = False) -> bool:
        """Take names in; `first` puts them before all that waits. False: that is too many, and nothing is kept."""
        fresh = dict.fromkeys(names)
        self._waiting = fresh | self._waiting if first else self._waiting | fresh
        if len(self._waiting) > self._most:
            self._waiting.clear()
            return False
        return True

    def take(self, most: int) -> list[Name]:
        """Return up to `most` names whose turn it is; they wait no more."""
        taken = [name for name, _ in zip(self._waiting, range(most), strict=False)]
        for name in taken:
            del self._waiting[name]
        return taken

    def put_back(self, names: Sequence[Name]) -> None:
        """Let what was taken and could not be told wait again, before the others."""
        self._waiting = dict.fromkeys(names) | self._waiting

    def clear(self) -> None:
        """Forget everything: everybody was told to fetch anew."""
        self._waiting.clear()
