"""A file of a copy is whole or not there, and needs no room beside it."""

import io
import os
import tempfile

import pytest

from services.core.errors import FiretowerError
from stack.backup.sealed import Seal, compressed


def test_what_is_encrypted_needs_no_room_beside_it_and_is_whole_or_not_there(tmp_path, monkeypatch):
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("secret\n")
    seal, target = Seal(passphrase), tmp_path / "map.gz.gpg"
    content = os.urandom(5 * 2**20)

    def no_room(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", no_room)
    seal.write_packed(target, compressed(io.BytesIO(content)))
    with seal.open(target) as read:
        assert read.read() == content

    def broken():
        yield from compressed(io.BytesIO(content))
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        seal.write_packed(tmp_path / "other.gz.gpg", broken())
    other = tmp_path / "noted"
    other.write_text("secret\r\n")
    said = "Bad session key; the passphrase is the first line as it was"
    with pytest.raises(FiretowerError, match=said), Seal(other).open(target) as read:
        read.read()
    other.unlink()
    monkeypatch.setattr(Seal, "_command", lambda *_: ["false"])  # gpg ends while there is more to say
    with pytest.raises(FiretowerError):
        seal.write_packed(tmp_path / "other.gz.gpg", compressed(io.BytesIO(content)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.gz.gpg", "passphrase"]
