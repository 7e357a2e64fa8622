"""A panel that says data units and is understood; builders for what it says. Used by the tests of this folder."""

from datetime import UTC, datetime, timedelta

from services.gateway.frames import write_time
from services.gateway.meaning import interpret
from services.gateway.objects import Item, read_unit, write_text31, write_unit
from services.gateway.profiles import load_profiles

PROFILES = load_profiles()
STANDARD = PROFILES["standard"]
NOW = datetime(2026, 5, 1, 8, 0, 30, tzinfo=UTC)
LABEL = write_time(NOW - timedelta(seconds=20), 480)
POINT = b"\x03\0\x0c\0"


def detector(state, kind=40, *, address=POINT, system_address=1, time=LABEL, text="三层走廊", system=1):
    return write_unit(
        2,
        [
            Item(
                system_type=system,
                system_address=system_address,
                component_type=kind,
                component_address=address,
                state=state,
                text=write_text31(text),
                time=time,
            )
        ],
    )


def system(state, kind=1, address=1):
    return write_unit(1, [Item(system_type=kind, system_address=address, state=state, time=LABEL)])


def analog(kind, value, *, component=0, system_type=11, time=LABEL, address=POINT):
    return Item(
        system_type=system_type,
        system_address=1,
        component_type=component,
        component_address=address,
        analog_type=kind,
        value=value,
        time=time,
    )


class Panel:
    """Feeds data units in order and keeps the states between them, as the gateway does."""

    def __init__(self, profile=STANDARD):
        self.profile = profile
        self.states = {}
        self.arrival = 0

    def say(self, adu, arrival=None):
        self.arrival += 1
        meaning = interpret(read_unit(adu), self.profile, self.states, arrival or self.arrival, NOW)
        for key, known in meaning.states.items():
            if known is None:
                self.states.pop(key, None)
            else:
                self.states[key] = known
        return meaning

    def events(self, adu, arrival=None):
        return [(event["type"], event["active"]) for event in self.say(adu, arrival).events]
