"""Names in the environment that look like a setting of ours and are none: what they were to set would stay unset.

Used where a program starts. A name that resembles nothing is left alone: scripts and containers have their own.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from services.core.secret_files import FOLDER
from services.core.settings import Settings

_PREFIX = "FIRETOWER_"
_LIKENESS = 0.78  # BACKUPDIR is BACKUP_DIR, RETENTION is RETENTION_DAYS
# Read by simulators, set-up and containers; another one's name may be near to a setting's.
_OTHERS = re.compile(
    r"API_(URL|KEY)|TRUTH_FILE|CACHE|STACK_PREFIX|\w+_SUITE|\w+_IMAGE|IMAGE|\w+_PASSWORD|\w+_PUBLISH|SUBNET"
    r"|MQTT_PROVISIONER_URL|DEMO_MQTT_URL|MQTT_TLS_PORT"
)


def misspelt(environment: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each name that is probably meant to be a setting."""
    known = {name.upper() for one in _with_kinds(Settings) for name in one.model_fields}
    for given in sorted(name for name in environment if name.startswith(_PREFIX) and name != FOLDER):
        name = given.removeprefix(_PREFIX)
        if {name, name.removesuffix("_2")} & known or _OTHERS.fullmatch(name.removesuffix("_2")):
            continue
        if near := get_close_matches(name, known, n=1, cutoff=_LIKENESS):
            yield f"{given} is no setting and sets nothing: is {_PREFIX}{near[0]} meant?"


def _with_kinds(one: type[Settings]) -> Iterator[type[Settings]]:
    yield one
    for kind in one.__subclasses__():
        yield from _with_kinds(kind)
