"""What a person has to do when a system was restored. Called by the command line."""

from pathlib import Path

from stack.accounts import FLEET
from stack.accounts_file import AccountsFile
from stack.state import StateDir


def next_steps(state: StateDir, folder: Path, passphrase_file: Path | None) -> list[str]:
    """Say how the restored system starts, and that nobody keeps copies of it yet."""
    # By the accounts of its last run: a secret stays for good where a trial made it, and nothing may be every device.
    had_fleet = AccountsFile(state.server_dir("mosquitto")).has(FLEET)
    up = f"firetower up {'' if had_fleet else '--no-fleet '}--state-dir {state.path}"
    secret = f" --passphrase-file {passphrase_file}" if passphrase_file is not None else ""
    return [
        f"restored: `{up}` goes on from there",
        f"settings that were given by the environment are in {state.path / 'settings.env'}",
        (
            "it keeps no copies yet, unless FIRETOWER_BACKUP_DIR is among these settings: once it runs, say"
            f" `firetower backup {folder.absolute()} --state-dir {state.path}{secret}`"
        ),
    ]
