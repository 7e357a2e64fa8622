"""The reserve is emptied when the disk is nearly full, filled when there is room, and never in between."""

import errno
import os

import pytest

from services.ingest.reserve import is_spent
from stack import reserve
from stack.reserve import AGAIN_ABOVE_BYTES, FREED_BELOW_BYTES, SIZE_BYTES, Reserve


@pytest.fixture
def room(monkeypatch, tmp_path):
    """Says how much is free, whatever the disk has."""
    left = {"bytes": AGAIN_ABOVE_BYTES + 1}
    monkeypatch.setattr(reserve, "free_bytes", lambda _: left["bytes"])
    return lambda free: left.update(bytes=free)


def look(kept: Reserve, room, free: int) -> int | None:
    room(free)
    kept.look()
    return kept.path.stat().st_size if kept.path.exists() else None


def test_it_is_freed_when_the_disk_is_nearly_full_and_filled_when_there_is_room(room, tmp_path):
    kept = Reserve(tmp_path)
    assert look(kept, room, AGAIN_ABOVE_BYTES + 1) == SIZE_BYTES
    assert look(kept, room, FREED_BELOW_BYTES) == SIZE_BYTES
    assert not is_spent(kept.path)
    assert look(kept, room, FREED_BELOW_BYTES - 1) == 0
    assert is_spent(kept.path)
    assert kept.is_spent
    assert look(kept, room, FREED_BELOW_BYTES + SIZE_BYTES) == 0, "what it gave back is no room"
    assert look(kept, room, AGAIN_ABOVE_BYTES + 1) == SIZE_BYTES


def test_a_disk_that_never_had_room_has_none_and_nothing_waits_for_it(room, tmp_path):
    kept = Reserve(tmp_path)
    assert look(kept, room, AGAIN_ABOVE_BYTES) is None
    assert look(kept, room, 0) is None
    assert not is_spent(kept.path)
    assert not is_spent(None)


def test_a_file_system_that_compresses_zeros_gets_what_it_cannot_compress(room, tmp_path, monkeypatch):
    kept = Reserve(tmp_path)
    monkeypatch.setattr(os, "posix_fallocate", lambda file, _, size: os.ftruncate(file, size))  # no block behind it
    assert look(kept, room, AGAIN_ABOVE_BYTES + 1) == SIZE_BYTES
    assert kept.path.stat().st_blocks * 512 >= SIZE_BYTES


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF])
def test_where_it_cannot_be_made_there_is_none_and_nothing_waits_for_it(room, tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: _raise(number))
    kept = Reserve(tmp_path)
    for _ in range(2):
        assert look(kept, room, AGAIN_ABOVE_BYTES + 1) is None
    assert not is_spent(kept.path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "left"), [(errno.ENOSPC, 0), (errno.EDQUOT, None), (errno.EFBIG, None)])
def test_one_that_was_freed_stays_so_only_while_the_disk_is_full(room, tmp_path, monkeypatch, number, left):
    kept = Reserve(tmp_path)
    look(kept, room, AGAIN_ABOVE_BYTES + 1)
    assert look(kept, room, 0) == 0
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", lambda *_: _raise(number))
        assert look(kept, room, AGAIN_ABOVE_BYTES + 1) == left
    assert look(kept, room, AGAIN_ABOVE_BYTES + 1) == SIZE_BYTES


def _raise(number: int) -> None:
    raise OSError(number, os.strerror(number))
