"""The devices of a load: prepared readings of a believable fleet with codes of their own for every run.

Called by the benches. Promises: device codes start with the run's prefix, so that counts touch nothing else.
"""

import secrets
import time
from collections.abc import Sequence

from bench.packets import PreparedPublish
from services.core.topics import ROOT, Kind
from simulators.places import place_of
from simulators.twin import make_twin

# Of ten devices: six hydrants (about 190 bytes a reading), three circuits (430), one basin (140).
_MIX = (Kind.HYDRANT, Kind.ELECTRICAL, Kind.HYDRANT, Kind.WATER, Kind.HYDRANT, Kind.ELECTRICAL, Kind.HYDRANT,
        Kind.HYDRANT, Kind.ELECTRICAL, Kind.HYDRANT)  # fmt: skip


def run_prefix() -> str:
    """Return a prefix of device codes that no earlier run used."""
    return f"BEN{secrets.token_hex(4)}-"


def prepare(devices: int, prefix: str, kinds: Sequence[Kind] = _MIX) -> list[PreparedPublish]:
    """Return one prepared reading per device."""
    now_s = time.time()
    prepared = []
    for number in range(1, devices + 1):
        kind = kinds[number % len(kinds)]
        twin = make_twin(kind, number, place=place_of(kind, number, 1), seed=1, at_s=now_s)
        reading = twin.read(now_s, now_s)
        fields = {name: value for name, value in reading.items() if name not in {"ts", "seq"}}
        topic = f"{ROOT}/{twin.place.area}/{kind}/{prefix}{number:05d}/up/telemetry"
        prepared.append(PreparedPublish(topic, fields))
    return prepared
