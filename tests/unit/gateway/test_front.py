"""What a link reads on its way to the intake: damaged frames that come again, a profile that changes meanwhile."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from types import MappingProxyType, SimpleNamespace

import orjson
import pytest

from services.core.clock import SystemClock
from services.gateway.border import Border
from services.gateway.door import Door
from services.gateway.downlink import TRIES
from services.gateway.frames import SEND, Frame, encode
from services.gateway.front import Front
from services.gateway.inbound import Inbound
from services.gateway.intake import Intake
from services.gateway.journal import Journal
from services.gateway.limits import Limits, Strangers
from services.gateway.objects import Item, write_unit
from services.gateway.profiles import load_profiles
from services.gateway.records import Remembered
from services.gateway.registry import Registry
from tests.integration.gateway.registered import spoiled
from tests.unit.gateway.panel import LABEL, detector, system

STANDARD = load_profiles()["standard"]
ELSEWHERE = {"checksum": "xor8", "networks": (ip_network("192.0.2.0/24"),)}
PROFILES = MappingProxyType({"standard": STANDARD, "elsewhere": STANDARD.model_copy(update=ELSEWHERE)})
PANEL = bytes((7, 0, 0, 0, 0, 0))
LIMITS = Limits()


class HandClock(SystemClock):
    """Set by hand."""

    at_s = 1000.0

    def now(self):
        return datetime(2026, 5, 1, 8, tzinfo=UTC) + timedelta(seconds=self.at_s)

    def monotonic(self):
        return self.at_s


class Centre:
    """A front with its intake; what is published is stored at once."""

    def __init__(self, folder):
        self.clock = HandClock()
        border = Border(self.clock)
        self.journal = Journal(folder / "journal.sqlite3", border)
        self.registry = registry = Registry("", self.clock, PROFILES, "140931", border)
        self.speaks_as("standard")
        self.intake = Intake(registry, self.journal, self.clock, LIMITS, Remembered(), border)
        publisher = SimpleNamespace(announce=print, add=print, open_records=0, open_of_strangers=0)
        self.intake.publisher = self.intake.presence.publisher = publisher
        self.front = Front(self.intake, registry, self.clock, border)
        self.intake.presence.door = Door(self.front, self.clock, LIMITS, PROFILES)
        self.strangers = Strangers(LIMITS, self.clock.at_s)

    def speaks_as(self, profile):
        self.registry.restore(Remembered(panels=[(PANEL.hex(), "panel-7", "140931", profile, True)]))

    def go_on(self, seconds):
        for record in self.intake.remember().records:
            if record.settled_ms is None:
                record.settled_ms = int(self.clock.now().timestamp() * 1000)
        self.clock.at_s += seconds
        self.intake.tick()

    def told_in_order(self):
        """Return type and active of all events of panels, in the order in which they leave."""
        writes = sorted(self.journal.queue, key=lambda write: not write.first)
        rows = [values for write in writes for name, values in write.statements if name == "add_message"]
        bodies = [orjson.loads(values[3]) for values in rows if values[2].endswith("/up/event")]
        events = [event for body in bodies for event in (body if isinstance(body, list) else [body])]
        return [(event["type"], event.get("active", True)) for event in events]

    def told(self, kind):
        """Return whether each event of that type is its beginning, in order."""
        rows = [values for write in self.journal.queue for name, values in write.statements if name == "add_message"]
        bodies = [orjson.loads(values[3]) for values in rows]
        events = [event for body in bodies for event in (body if isinstance(body, list) else [body])]
        return [event.get("active", True) for event in events if event.get("type") == kind]


class Line:
    """A link that hears what it is given."""

    def __init__(self, centre):
        self.host, self.is_refused, self.is_leaving, self.callers, self.awaited = "10.0.0.1", False, False, {}, 0
        self._clock = centre.clock
        self.inbound = Inbound(self, centre.front, centre.clock, LIMITS, centre.strangers)

    def hear(self, *data):
        self.inbound.hear(b"".join(data), self._clock.at_s)
        while self.inbound.has_work:
            self.inbound.work()

    def go_on(self):
        pass

    def reply(self, frame, command, adu=b""):
        pass

    def probe(self, caller):
        pass


@pytest.fixture
def centre(tmp_path):
    return Centre(tmp_path)


FIRE = encode(Frame(9, SEND, PANEL, bytes(6), detector(0b10)))


def test_a_damaged_fire_that_its_panel_repeats_until_somebody_confirms_is_one_fire(centre):
    line = Line(centre)
    for _ in range(180):  # every ten seconds for half an hour
        line.hear(spoiled(FIRE))
        centre.go_on(10)
    assert centre.told("fire") == [True]


def test_a_profile_that_does_not_allow_the_network_of_a_link_leaves_its_checksum_alone(centre):
    line = Line(centre)
    for number, profile in enumerate(("standard", "elsewhere", "elsewhere")):
        centre.speaks_as(profile)
        line.hear(encode(Frame(number, SEND, PANEL, bytes(6), detector(0b10))))
    assert line.callers[PANEL].frames == 3


def test_data_end_what_was_told_of_damaged_frames_also_where_a_heartbeat_follows_in_the_same_read(centre):
    line = Line(centre)
    for _ in range(TRIES):
        line.hear(spoiled(FIRE))
    line.hear(encode(Frame(10, SEND, PANEL, bytes(6))))
    assert centre.told("line_fault") == [True], "a heartbeat alone ends nothing"
    line.hear(encode(Frame(11, SEND, PANEL, bytes(6), detector(0b100))), encode(Frame(12, SEND, PANEL, bytes(6))))
    assert centre.told("line_fault") == [True, False]


def test_what_was_said_to_an_address_that_is_taken_off_a_link_is_said_on_its_next(centre):
    line, cut_off = Line(centre), []
    centre.front.commands = SimpleNamespace(cut_off=cut_off.append)
    line.hear(encode(Frame(10, SEND, PANEL, bytes(6))))
    caller = line.callers.pop(PANEL)
    said = [caller.exchanges.begin(91, b"", like=caller.last, label=bytes(6), at=0.0) for _ in range(2)]
    centre.front.left(line, caller)
    centre.front.failed(line, caller, said[0])
    assert cut_off == [*said, said[0]]


def test_a_damaged_fire_of_a_panel_that_dials_in_anew_for_each_copy_is_told(centre):
    for count in range(TRIES):
        assert centre.told("fire") == [], count
        Line(centre).hear(spoiled(FIRE))
        centre.go_on(30)
    assert centre.told("fire") == [True]


def signs_of_life(centre):
    """Return the records of them that wait for the disk or for the broker."""
    writes = [write for write in centre.journal.queue if write.statements[0][0] == "add_record"]
    return [write for write in writes if "/up/telemetry" in write.statements[1][1][2]]


def test_of_a_panel_that_is_heard_while_the_broker_is_away_one_sign_of_life_waits(centre):
    line, there = Line(centre), []
    centre.intake.publisher.add = there.append
    for number in range(120):  # an hour
        line.hear(encode(Frame(number, SEND, PANEL, bytes(6))))
        centre.go_on(30)
    (write,) = signs_of_life(centre)
    write.then()
    line.hear(encode(Frame(500, SEND, PANEL, bytes(6))))
    assert len(signs_of_life(centre)) == 1, "on the disk, and not at the broker yet"
    there[0].stored = True
    line.hear(encode(Frame(501, SEND, PANEL, bytes(6))))
    assert len(signs_of_life(centre)) == 2


def test_a_sign_of_life_that_the_journal_could_not_take_is_followed_by_the_next(centre):
    line = Line(centre)
    for number in range(2):
        line.hear(encode(Frame(number, SEND, PANEL, bytes(6))))
        assert len(signs_of_life(centre)) == 1
        centre.go_on(60)
        centre.journal.queue.clear()


@pytest.mark.parametrize("registered", [True, False])
def test_where_much_waits_signs_of_life_leave_the_room_to_fires(centre, registered):
    centre.intake.publisher.open_records = LIMITS.open_records if registered else 0
    centre.intake.publisher.open_of_strangers = 0 if registered else LIMITS.open_of_strangers
    panel = PANEL if registered else b"\x99" * 6
    line = Line(centre)
    line.hear(encode(Frame(1, SEND, panel, bytes(6))))
    assert signs_of_life(centre) == []
    line.hear(FIRE)
    assert centre.told("fire") == [True]


RESETS = {
    "by its operator": write_unit(4, [Item(system_type=1, system_address=1, operation=1, operator=1, time=LABEL)]),
    "of the transmission device": write_unit(24, [Item(operation=1, operator=1, time=LABEL)]),
    "as a state": system(1 | 1 << 13),
}
FIRES = {"detector": detector(0b11), "manual key": write_unit(24, [Item(operation=0b100, operator=1, time=LABEL)])}


def said(*units, source=PANEL):
    return [encode(Frame(number, SEND, source, bytes(6), unit)) for number, unit in enumerate(units, 1)]


@pytest.mark.parametrize("reset", RESETS.values(), ids=RESETS)
@pytest.mark.parametrize("fire", FIRES.values(), ids=FIRES)
@pytest.mark.parametrize("faults", [0, 15])
def test_a_fire_after_a_reset_leaves_after_it_also_where_both_were_read_at_once(centre, reset, fire, faults):
    points = [detector(0b101, address=bytes((9, 0, point, 0))) for point in range(faults)]
    Line(centre).hear(*said(*points, reset, fire))
    first, second, *rest = centre.told_in_order()
    assert (first[0], second) in {("reset", ("fire", True)), ("reset", ("manual_alarm", True))}
    assert rest == [("fault", True)] * faults


@pytest.mark.parametrize(
    ("states", "events"),
    [
        ([0b101, 0b11], [("fault", True), ("fire", True), ("fault", False)]),
        ([0b11, 0b01, 0b11], [("fire", True), ("fire", False), ("fire", True)]),
    ],
)
def test_of_one_component_what_is_read_at_once_is_understood_in_its_order(centre, states, events):
    Line(centre).hear(*said(*map(detector, states)))
    assert centre.told_in_order() == events
    (known,) = centre.intake.remember().states[PANEL].values()
    assert known.bits == 0b11


def test_an_end_that_waits_on_an_old_link_of_a_panel_does_not_end_the_fire_that_came_later_on_its_new_one(centre):
    old, new = Line(centre), Line(centre)
    old.hear(*said(detector(0b11)))
    chatter = [detector(0b101, address=bytes((9, 0, point, 0))) for point in range(40)]
    old.inbound.hear(b"".join(said(*chatter, detector(0b01))), centre.clock.at_s)
    while old.inbound.is_crowded:
        old.inbound.work()
    new.hear(*said(detector(0b11, text="again")))
    while old.inbound.has_work:
        old.inbound.work()
    assert [event for event in centre.told_in_order() if event[0] == "fire"] == [("fire", True), ("fire", True)]


def test_a_fire_waits_for_no_frame_of_another_panel_and_for_none_that_does_not_bear_on_it(centre):
    handed = []
    centre.front.frame = lambda link, caller, one: handed.append((one.frame.source, one.frame.serial))
    ours, theirs = PANEL, bytes((8, 0, 0, 0, 0, 0))
    rows = [(address.hex(), f"panel-{address[0]}", "140931", "standard", True) for address in (ours, theirs)]
    centre.registry.restore(Remembered(panels=rows))
    line = Line(centre)
    other = said(RESETS["as a state"], detector(0b101), source=theirs)
    line.inbound.hear(b"".join(other + said(detector(0b101, address=b"\1\0\1\0"), detector(0b11))), centre.clock.at_s)
    line.inbound.work()
    assert handed[0] == (ours, 2)
    assert sorted(handed[1:]) == [(ours, 1), (theirs, 1), (theirs, 2)]
    assert handed.index((theirs, 1)) < handed.index((theirs, 2))
