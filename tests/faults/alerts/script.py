"""The deeds behind many alarms, and what the desk is owed for each of them: used by the runs that kill programs."""

import time

import orjson

from services.core.clock import SystemClock
from services.core.mqtt import SessionConfig
from simulators.device import Link
from tests.support.broker_fleet import now_ms
from tests.support.waiting import eventually

PRESSED, FAILED, RESTORED = ["fire.confirmed"], ["alarm.raised"], ["alarm.raised", "alarm.cleared"]


class Script:
    """The deeds of the alarms, and what the desk is owed for each panel: all of it, once, in this order."""

    def __init__(self, config: SessionConfig) -> None:
        self.link = Link(config, SystemClock(), on_event_acked=lambda _, event_id: self._acked.add(event_id))
        self.owed: dict[str, list[str]] = {}
        self.pressed_s: dict[str, float] = {}  # by panel, Unix seconds
        self._said = 0
        self._acked: set[str] = set()

    @property
    def all_acked(self) -> bool:
        """Whether every event is known to be stored."""
        return len(self._acked) == self._said

    def _say(self, panel: str, event_type: str, **more: object) -> None:
        event_id = f"{panel} {event_type} {more}"
        body = {"event_id": event_id, "ts": now_ms(), "seq": 1, "type": event_type, **more}
        self._said += 1
        self.link.send_event(f"fire/v1/140931100/panel/{panel}", event_id, orjson.dumps(body))

    async def alarm(self, number: int) -> None:
        """A call point, or a mains fault; every other one of these is over once its report has been acknowledged."""
        panel = f"panel-{number}"
        if number % 2:
            self.pressed_s[panel] = time.time()
            self._say(panel, "manual_alarm", component="m1")
            self.owed[panel] = PRESSED
        else:
            self._say(panel, "mains_fault")
            self.owed[panel] = FAILED
        before = f"panel-{number - 50}"
        if self.owed.get(before) is FAILED and number % 4 == 2:
            await eventually(lambda: self.is_stored(before), what=f"the ack for {before}", timeout_s=120)
            self._say(before, "mains_fault", active=False)
            self.owed[before] = RESTORED

    def is_stored(self, panel: str) -> bool:
        """Whether the fault of a panel has been acknowledged."""
        return f"{panel} mains_fault {{}}" in self._acked
