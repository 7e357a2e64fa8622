"""Where the data of the embedded servers lies: in the state folder, or outside it when their user cannot reach it.

Called by `stack.state` and `stack.prune`. Promises: what a server wrote once is found again, wherever the state folder
is moved to and whoever may pass it; nothing here deletes anything, and no server silently begins with empty data.
"""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.core.errors import FiretowerError
from stack.children import unprivileged

OUTSIDE = Path("/var/lib/firetower")
SERVERS = ("postgres", "mosquitto")
_LINK = "servers"
_OWNER = "belongs-to"


class StartFailed(FiretowerError):
    """The system did not come up; the text says which part and what it wrote last."""


@dataclass(frozen=True)
class Orphan:
    """Data outside whose state folder is not where it was."""

    path: Path
    belonged_to: Path | None


def data_base(folder: Path) -> Path:
    """The folder below which each server of this state folder has its own; made when there is none yet.

    Raises:
        StartFailed: the data that must be there is not, or cannot be reached.
    """
    outside = outside_of(folder)
    if outside is not None:
        if not outside.is_dir():
            raise StartFailed(
                f"the servers' data of {folder} lies in {outside}, which is not there: bring it back,"
                f" or remove the link {folder / _LINK} to begin with empty data"
            )
        return outside
    user = unprivileged()
    closed = None if user is None else closed_to_others(folder)
    if user is None or closed is None:
        return folder
    here = [folder / name for name in SERVERS if (folder / name).is_dir()]
    for data in here:
        refuse_data_of_others(data, user.pw_uid)
    if here:  # made while the way was open
        raise StartFailed(
            f"the servers' data is in {folder}, and their user {user.pw_name} cannot pass {closed}: chmod o+x {closed}"
        )
    return _make_outside(folder)


def refuse_data_of_others(data: Path, server_uid: int) -> None:
    """Refuse data that another user's servers wrote: ours could read none of it.

    Raises:
        StartFailed: it is another user's.
    """
    owner = data.stat().st_uid
    if owner not in (0, server_uid):
        raise StartFailed(f"{data} belongs to user {owner}: start as that user, not as root")


def outside_of(folder: Path) -> Path | None:
    """Where the link of a state folder points, whether that is there or not; None without a link."""
    link = folder / _LINK
    return folder / link.readlink() if link.is_symlink() else None


def claim(folder: Path) -> None:
    """Note in the data outside that it belongs to the state folder here, which may have been moved.

    Raises:
        StartFailed: another state folder has it; this one is a copy.
    """
    outside = outside_of(folder)
    if outside is None or not outside.is_dir():
        return
    owner = owner_of(outside)
    if owner is not None and owner != folder and outside_of(owner) == outside and not _same(owner, folder):
        raise StartFailed(
            f"{folder} is a copy of {owner}, and both would use the data in {outside}:"
            f" remove one of the two, or copy the data too and point {folder / _LINK} to that copy"
        )
    if owner != folder:
        with suppress(OSError):  # a full disk: the next start notes it
            (outside / _OWNER).write_text(str(folder), encoding="utf-8", errors="surrogateescape")


def owner_of(outside: Path) -> Path | None:
    """The state folder that data outside belongs to, as it was last noted."""
    with suppress(OSError):
        text = (outside / _OWNER).read_text(encoding="utf-8", errors="surrogateescape").strip()
        return Path(text) if text else None
    return None


def orphans() -> Iterator[Orphan]:
    """Data outside that no state folder at the noted place points to."""
    with suppress(OSError):
        for path in sorted(OUTSIDE.glob("state-*")):
            if path.is_dir() and not path.is_symlink():
                owner = owner_of(path)
                if owner is None or outside_of(owner) != path:
                    yield Orphan(path, owner)


def closed_to_others(folder: Path) -> Path | None:
    """The topmost folder on the way that other users may not pass, or None."""
    real = folder.resolve()
    return next((part for part in (*reversed(real.parents), real) if not part.stat().st_mode & 0o001), None)


def _make_outside(folder: Path) -> Path:
    try:
        OUTSIDE.mkdir(parents=True, exist_ok=True)
        if closed_to_others(OUTSIDE) == OUTSIDE.resolve():  # made under a strict umask
            OUTSIDE.chmod(0o755)
        base = Path(tempfile.mkdtemp(prefix="state-", dir=OUTSIDE))
        (base / _OWNER).write_text(str(folder), encoding="utf-8", errors="surrogateescape")
        base.chmod(0o711)
        (folder / _LINK).symlink_to(base)
    except OSError as error:
        raise StartFailed(
            f"the servers' user cannot reach {folder}, and no place for their data can be made in {OUTSIDE}: {error}"
        ) from None
    return base


def _same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return one.samefile(other)
    return False
