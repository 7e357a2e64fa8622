"""The fleet: builds the devices, decides when each one reports, plays the scenario, sends through shared connections.

Called by `simulators.main` and tests. Promises: the same seed gives the same devices and values; a device reports once
per interval of wall time (the registry's `expected_interval_s`); `speed` scales physics and scenario times.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.core.clock import Clock
from services.core.log import logger
from services.core.topics import Channel, Kind, Topic
from simulators.device import Counts, Link
from simulators.faults import FaultInjector
from simulators.noise import Dice
from simulators.places import place_of
from simulators.player import Cue, Player
from simulators.scenario import Scenario
from simulators.truth import Truth
from simulators.twin import Twin, encode, make_twin

log = logger(__name__)

TURN_S = 0.02  # how long the scheduler sleeps when nothing is due
DEVICES_PER_SITE = 4


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """How many devices, and how they live."""

    counts: Mapping[Kind, int]
    seed: int = 1
    speed: float = 1.0
    scenario: Scenario = field(default_factory=Scenario)

    @property
    def sites(self) -> int:
        """How many sites panels and circuits share."""
        return max(self.counts.get(Kind.PANEL, 0), -(-self.counts.get(Kind.ELECTRICAL, 0) // DEVICES_PER_SITE))


def build_twins(plan: FleetPlan, start_s: float) -> list[Twin]:
    """Return every device of the plan; `start_s` (Unix seconds) is where simulated time begins."""
    twins: list[Twin] = []
    for kind, count in plan.counts.items():
        for number in range(1, count + 1):
            twin = make_twin(
                kind,
                number,
                place=place_of(kind, number, plan.sites),
                seed=plan.seed,
                at_s=start_s,
                interval_s=plan.scenario.intervals_s.get(kind),
            )
            twin.shift_c = plan.scenario.air_shift_c
            twin.boot = f"{int(start_s):x}"
            twins.append(twin)
    return twins


class Fleet:
    """Runs the devices over `links`; `run()` ends with `stop()`."""

    def __init__(
        self,
        plan: FleetPlan,
        clock: Clock,
        truth: Truth,
        *,
        links: Callable[[Twin], Link],
        open_test_window: Callable[[Twin, float], Awaitable[None]] | None = None,
    ) -> None:
        self._clock = clock
        self._truth = truth
        self._speed = plan.speed
        self._start_s = clock.now().timestamp()
        self._open_test_window = open_test_window
        self.twins = build_twins(plan, self._start_s)
        self._by_base = {twin.base: twin for twin in self.twins}
        self._link_of = {twin.base: links(twin) for twin in self.twins}
        self._faults = FaultInjector(plan.scenario.faults, plan.seed, truth)
        self._player = Player(plan.scenario, self.twins, plan.seed)
        self._agenda: list[tuple[float, int, Callable[[], Awaitable[None]]]] = []
        self._order = 0
        self._stopping = asyncio.Event()

    @property
    def counts(self) -> Counts:
        """The sum over all connections."""
        total = Counts()
        for link in {id(link): link for link in self._link_of.values()}.values():
            for name in Counts.__dataclass_fields__:
                setattr(total, name, getattr(total, name) + getattr(link.counts, name))
        return total

    def stop(self) -> None:
        """Let `run()` end after the message in hand."""
        self._stopping.set()

    def take_down(self, topic: Topic, payload: bytes) -> None:
        """Hand what arrived for any device to the connection that waits for it; answer guard checks."""
        link = self._link_of.get(topic.base)
        if link is None:
            return
        if topic.channel is Channel.ACK:
            link.acknowledge(topic.base, payload)
        elif topic.channel is Channel.COMMAND:
            self._at(self._clock.now().timestamp() + 3.0, lambda: self._answer(topic, payload))

    async def run(self) -> None:
        """Report until `stop()`."""
        now_s = self._clock.now().timestamp()
        for twin in self.twins:
            self._faults.set_clock(twin, now_s)
            phase_s = Dice("phase", twin.code).unit() * twin.interval_s
            self._at(now_s + phase_s, lambda twin=twin, first=True: self._turn(twin, first))  # type: ignore[misc]
        for cue in self._player.cues_of_round(0):
            self._plan_cue(cue)
        if self._player.repeat_s is not None:
            self._at(self._wall_of(self._player.repeat_s), lambda: self._next_round(1))
        while not self._stopping.is_set():
            now_s = self._clock.now().timestamp()
            while self._agenda and self._agenda[0][0] <= now_s and not self._stopping.is_set():
                _, _, act = heapq.heappop(self._agenda)
                await act()
            wait_s = self._agenda[0][0] - self._clock.now().timestamp() if self._agenda else 1.0
            await self._clock.sleep(min(max(wait_s, TURN_S), 0.5))

    # --- time ---

    def _sim(self, wall_s: float) -> float:
        return self._start_s + (wall_s - self._start_s) * self._speed

    def _wall_of(self, scenario_s: float) -> float:
        return self._start_s + scenario_s / self._speed

    def _at(self, wall_s: float, act: Callable[[], Awaitable[None]]) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (wall_s, self._order, act))

    # --- a device's turn ---

    async def _turn(self, twin: Twin, first: bool) -> None:
        now_s = self._clock.now().timestamp()
        self._at(now_s + twin.interval_s, lambda: self._turn(twin, first=False))
        if now_s < twin.silent_until_s:
            return
        link = self._link_of[twin.base]
        if first:
            link.send_status(twin.base, online=True)
        at_s = self._sim(now_s)
        reading = twin.read(at_s, now_s)
        for sending in self._faults.pass_reading(twin, reading, now_s):
            await self._send_reading(link, twin, sending.delay_s, sending.payload)
        for event in twin.happen(at_s, now_s):
            self._send_event(twin, event, now_s)

    async def _send_reading(self, link: Link, twin: Twin, delay_s: float, payload: bytes) -> None:
        topic = f"{twin.base}/{Channel.TELEMETRY}"
        if delay_s > 0:
            self._at(self._clock.now().timestamp() + delay_s, lambda: link.send_reading(topic, payload))
        else:
            await link.send_reading(topic, payload)

    def _send_event(self, twin: Twin, event: dict[str, Any], now_s: float) -> None:
        self._truth.record(now_s, "event", twin.code, **{k: v for k, v in event.items() if k not in {"ts", "seq"}})
        lost = self._faults.loses_first_try(twin, event["event_id"], now_s)
        self._link_of[twin.base].send_event(twin.base, event["event_id"], encode(event), transmit=not lost)

    async def _answer(self, topic: Topic, payload: bytes) -> None:
        """A person at the panel presses the button: the reply to a guard check (查岗)."""
        twin = self._by_base[topic.base]
        reply = {"type": "guard_reply", "description": payload.decode(errors="replace")[:200]}
        now_s = self._clock.now().timestamp()
        self._send_event(twin, twin.make_event(now_s, reply), now_s)

    # --- the scenario ---

    def _plan_cue(self, cue: Cue) -> None:
        self._at(self._wall_of(cue.at_s), lambda: self._play(cue))

    async def _next_round(self, number: int) -> None:
        for cue in self._player.cues_of_round(number):
            self._plan_cue(cue)
        assert self._player.repeat_s is not None  # noqa: S101  only then is a round planned
        self._at(self._wall_of((number + 1) * self._player.repeat_s), lambda: self._next_round(number + 1))

    async def _play(self, cue: Cue) -> None:
        now_s = self._clock.now().timestamp()
        twin, step = cue.twin, cue.step
        if step.change or step.mains:
            effect = cue.effect(self._start_s)
            twin.effects.append(effect)
            fields = {name: change.model_dump(exclude_none=True) for name, change in step.change.items()}
            mains = {"mains": step.mains} if step.mains else {}
            details = {"fields": fields, "ramp_s": step.ramp_s, "note": step.note}
            self._truth.record(now_s, "change", twin.code, **details, **mains)
        if step.silent_for_s is not None:
            twin.silent_until_s = now_s + step.silent_for_s / self._speed
            self._truth.record(now_s, "silent", twin.code, for_s=step.silent_for_s, note=step.note)
        if step.event is not None:
            self._send_event(twin, twin.report(step.event, now_s), now_s)
        if step.test_window_min is not None and self._open_test_window is not None:
            self._truth.record(now_s, "test_window", twin.code, minutes=step.test_window_min)
            await self._open_test_window(twin, step.test_window_min)
