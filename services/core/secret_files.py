"""Settings as files: a folder that compose, Kubernetes or systemd mounts, one file for each FIRETOWER_* name.

Called once by the command line, before any setting is read. Promises: a file counts as if the environment had said it,
so that every program, tool and message works as before; what cannot be read ends the program with one line that names
it and never shows what is in it.
"""

import re
from collections.abc import MutableMapping
from pathlib import Path

from services.core.errors import BadSetting

FOLDER = "FIRETOWER_SECRETS_DIR"
_NAME = re.compile(r"FIRETOWER_[A-Z0-9_]+")
_MOST_BYTES = 64 * 1024  # an address or a key; what is larger is another file


def take_secret_files(environment: MutableMapping[str, str]) -> None:
    """Put what the files of the folder say into `environment`, and the folder's name out of it: children get settings.

    A name that the environment leaves empty is taken from its file: compose writes an empty one for what is not set.

    Raises:
        BadSetting: there is no such folder, a file cannot be read, or a setting is given twice.
    """
    given = environment.pop(FOLDER, "")
    if not given:
        return
    try:
        files = sorted(path for path in Path(given).iterdir() if _NAME.fullmatch(path.name) and path.name != FOLDER)
    except OSError as error:
        raise BadSetting(f"{FOLDER}: {given} cannot be read: {error.strerror}") from None
    for path in files:
        value = _read(path)
        if environment.get(path.name):
            raise BadSetting(f"{path.name}: is set, and is a file in {FOLDER} as well; leave one of them")
        environment[path.name] = value


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadSetting(f"{path.name}: {path} cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise BadSetting(f"{path.name}: {path} is larger than {_MOST_BYTES} bytes")
    try:
        value = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadSetting(f"{path.name}: {path} is no UTF-8 text") from None
    if "\0" in value or "\n" in value:
        raise BadSetting(f"{path.name}: {path} has more than one line, or NUL in it")
    return value
