"""Panels that speak GB/T 26875.3, 2011 edition, over TCP: `firetower simulate --panels N --wire gb26875`.

Called by `simulators.main`. Each panel lives an ordinary life (heartbeats, a false alarm or a fault now and then, water
pressure), some with the habits of real devices: split writes, wrong checksums, noise, clocks that stand still.
"""

import asyncio
from datetime import datetime

from services.core.clock import Clock, SystemClock
from services.core.log import logger
from simulators.noise import Dice
from simulators.panel import Happening, live_panel, make_panel, start_panel
from simulators.panel_frames import CALL_POINT, SMOKE, component_state, hydrant_pressure, storm, unit
from simulators.panel_link import Habits, PanelLink
from simulators.truth import Truth

log = logger(__name__)

FIRST_ADDRESS = 140_931_000_000  # county code and a running number, as an operator might hand them out
PRESSURE_EVERY_S = 300.0
LIFE_STEP_S = 5.0
STUCK_AT = datetime.fromisoformat("2016-01-01T00:00:00+00:00")
STORM_SHARE = 0.02  # of false alarms that are a whole loop (a short circuit, dust from a building site)
BITS = {"fire": 0b10, "fault": 0b100}


def habits_of(dice: Dice) -> Habits:
    """Draw what is wrong with one device; most fire captures of real ones have bit 0 clear, and so do ours."""
    return Habits(
        splits=0.2 if dice.chance(0.3) else 0.0,
        spoils=0.02 if dice.chance(0.2) else 0.0,
        noise=0.02 if dice.chance(0.1) else 0.0,
        stuck_clock=STUCK_AT if dice.chance(0.05) else None,
        guard_answers=0.8,
    )


async def run_panels(  # noqa: PLR0917 - what the command line hands over
    host: str, port: int, count: int, seed: int, speed: float, truth: Truth
) -> None:
    """Run `count` panels until cancelled; `speed` speeds up what happens to them, never their clocks."""
    clock = SystemClock()
    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            dice = Dice(seed, "wire panel", number)
            link = PanelLink((host, port), FIRST_ADDRESS + number, clock, dice, habits=habits_of(dice))
            tasks.create_task(link.run(), name=f"{link.code} link")
            tasks.create_task(
                _live(link, Dice(seed, "wire life", number), clock, speed, truth), name=f"{link.code} life"
            )


async def _live(link: PanelLink, dice: Dice, clock: Clock, speed: float, truth: Truth) -> None:
    panel = make_panel(dice)
    start_s = clock.now().timestamp()
    state = start_panel(start_s)
    pressure_at = dice.between(0, PRESSURE_EVERY_S)
    while True:
        await clock.sleep(LIFE_STEP_S * dice.between(0.8, 1.2))
        now_s = clock.now().timestamp()
        lived_s = (now_s - start_s) * speed
        state, happenings = live_panel(panel, state, start_s + lived_s, dice)
        for happening in happenings:
            _report(link, happening, dice, now_s, truth)
        if lived_s >= pressure_at:
            pressure_at = lived_s + PRESSURE_EVERY_S
            link.say(hydrant_pressure(280 + dice.normal(8), 1, time=link.time()))


def _report(link: PanelLink, happening: Happening, dice: Dice, now_s: float, truth: Truth) -> None:
    loop, _, point = str(happening["component"]).partition("-")
    kind = str(happening["type"])
    over = happening.get("active") is False
    truth.record(now_s, "over" if over else kind, link.code, component=happening["component"])
    bits = 0 if over else BITS[kind]
    if kind == "fire" and not over and dice.chance(STORM_SHARE):
        truth.record(now_s, "storm", link.code, loop=int(loop))
        link.say(storm(bits, int(loop), 1, time=link.time()), fire=True)
        return
    device = CALL_POINT if int(point) % 20 == 0 else SMOKE
    text = str(happening.get("description", ""))
    adu = unit(2, component_state(bits, int(loop), int(point), time=link.time(), kind=device, text=text))
    link.say(adu, fire=kind == "fire")
