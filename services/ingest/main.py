"""firetower ingest: broker -> rows. Two lanes side by side, so that a fire never waits for telemetry.

Each lane: take the lease (lease) -> connect (lane, core.mqtt) -> decode (decode) -> batch (lane) -> one transaction
(writer, store, plan) -> acknowledge. The duties beside them: health, commands, replays, retention (duties).
"""

import asyncio
import uuid
from functools import partial
from pathlib import Path

from services.core import program
from services.core.clock import Clock, SystemClock
from services.core.log import logger
from services.core.settings import IngestSettings
from services.ingest.duties import Duties
from services.ingest.lane import Lane
from services.ingest.lane_limits import LIMITS

log = logger(__name__)

STOP_S = 4.0


async def run(settings: IngestSettings, clock: Clock, stopping: asyncio.Event) -> None:
    """Run both lanes until `stopping` is set; the first failure ends everything."""
    owner = str(uuid.uuid4())
    lanes = {name: Lane(name, settings, owner, clock) for name in LIMITS}
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(lane.run(), name=f"lane {name}") for name, lane in lanes.items()]
        duties = group.create_task(Duties(settings, lanes, clock).run(), name="duties")
        ready = group.create_task(tell_ready(lanes, settings.ready_file), name="ready")
        await stopping.wait()
        for lane in lanes.values():
            lane.stop()
        await asyncio.wait(running, timeout=STOP_S)
        for task in running:
            task.cancel()  # what is not committed by now the broker sends again
        duties.cancel()
        ready.cancel()


async def tell_ready(lanes: dict[str, Lane], ready_file: Path | None) -> None:
    """Touch the ready file once both lanes are subscribed."""
    for lane in lanes.values():
        await lane.active.wait()
    log.info("ready")
    if ready_file is not None:
        await asyncio.to_thread(ready_file.touch)


def main() -> None:
    """Run from the command line. Raises as `program.run`."""
    settings = IngestSettings.read()
    program.run("ingest", settings, partial(run, settings, SystemClock()))
