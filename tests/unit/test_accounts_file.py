"""The broker's file of accounts, whatever it looks like at a start: put aside, and the devices back from the copy."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.accounts import SERVICES, account
from stack.accounts_file import AccountsFile

OURS = {SERVICES: "secret"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a broker at which one device has an account, with the copy that the supervisor keeps."""
    first = AccountsFile(tmp_path)
    first.write(OURS)
    whole = json.loads(first.path.read_text())
    whole["clients"].append(account("hydrant-7", "p", ["device"]))
    first.path.write_text(json.dumps(whole))
    first.keep_copy()
    return tmp_path


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "brackets": lambda path: path.write_bytes(b"[" * 100_000),
    "another shape": lambda path: path.write_text('["clients"]'),
    "clients without names": lambda path: path.write_text('{"clients": [{"username": 7}]}'),
    "nobody in it": lambda path: path.write_text('{"clients": []}'),
    "a folder": make_folder,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_put_aside_and_the_devices_are_back_from_the_copy(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    damage(folder / "accounts.json")
    again = AccountsFile(folder)
    again.write(OURS)
    assert again.devices() == {"hydrant-7"}
    [aside] = folder.glob("accounts-damaged-*.json")
    assert str(aside) in again.found
    assert "1 devices' accounts are back from the copy of" in again.found
    assert "\n" not in again.found
    next_time = AccountsFile(folder)
    next_time.write(OURS)
    assert next_time.found == ""


def test_a_file_that_is_gone_comes_back_from_the_copy(folder: Path) -> None:
    (folder / "accounts.json").unlink()
    again = AccountsFile(folder)
    again.write(OURS)
    assert again.devices() == {"hydrant-7"}
    assert "is missing" in again.found


def test_without_a_copy_it_says_so_and_our_own_programs_get_in(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"{")
    again = AccountsFile(folder)
    again.write(OURS)
    assert again.devices() == set()
    assert "no copy to bring the devices' accounts back from" in again.found


def test_a_damaged_file_never_becomes_the_copy(folder: Path) -> None:
    path = folder / "accounts.json"
    running = AccountsFile(folder)
    path.write_bytes(b"")
    running.keep_copy()
    again = AccountsFile(folder)
    again.write(OURS)
    assert again.devices() == {"hydrant-7"}


def test_a_first_start_and_a_usual_one_say_nothing(tmp_path: Path, folder: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for place in (fresh, folder):
        file = AccountsFile(place)
        file.write(OURS)
        assert file.found == ""


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o666, 0o777])
def test_whatever_its_mode_was_only_the_broker_reads_it_afterwards(folder: Path, mode: int) -> None:
    path = folder / "accounts.json"
    path.chmod(mode)
    again = AccountsFile(folder)
    again.write(OURS)
    assert again.devices() == {"hydrant-7"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert again.found == ""
