"""Our own ingest as one of the contestants."""

from bench.peers.contestant import Contestant
from bench.peers.counting import SQL
from bench.system import System, firetower, own_environment, program_settings


def our_ingest(system: System) -> Contestant:
    """Ingest as `up` runs it."""
    return Contestant(
        name="Firetower ingest",
        promise="acknowledges after the commit: nothing lost, nothing doubled",
        command=firetower("ingest"),
        environment={**own_environment(), **program_settings(system)},
        log=system.state_dir / "ingest.log",
        moving=SQL["our_moving"],
        kept=SQL["our_kept"],
    )
