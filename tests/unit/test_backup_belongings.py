"""What of a state folder belongs to its system."""

import tarfile
import tempfile

from stack.backup import belongings
from stack.backup.belongings import Belongings
from stack.state import StateDir


def test_what_a_restore_laid_down_to_be_put_back_is_no_belonging(tmp_path, monkeypatch):
    monkeypatch.setattr(belongings, "_MOST_BYTES", 5000)
    state = StateDir.open(tmp_path / "state")
    laid_down = state.path / "also/0"
    laid_down.mkdir(parents=True)
    (laid_down / "county.pmtiles").write_bytes(b"PMTiles" * 1000)
    (state.path / "audit.key").write_text("a key")
    with tempfile.TemporaryFile() as archive:
        Belongings(state, {}).pack(archive)
        archive.seek(0)
        with tarfile.open(fileobj=archive) as tar:
            names = tar.getnames()
    assert "audit.key" in names
    assert not [name for name in names if name.startswith("also")]
