"""What becomes of a frame whose working on fails: a fire is told all the same, and neither costs anybody else."""

from collections import deque

import orjson
import pytest

from services.core.aside import Unit
from services.core.clock import SystemClock
from services.gateway import intake as module
from services.gateway.border import Border
from services.gateway.bounds import Arrival
from services.gateway.frames import SEND, Frame
from services.gateway.intake import Intake
from services.gateway.journal import Journal
from services.gateway.limits import Limits
from services.gateway.meaning import Known
from services.gateway.objects import read_unit
from services.gateway.profiles import load_profiles
from services.gateway.publish import Publisher
from services.gateway.records import Remembered
from services.gateway.registry import Registry
from tests.unit.gateway.panel import detector

CLOCK = SystemClock()
ONE = bytes((1, 0, 0, 0, 0, 0))


@pytest.fixture
def border():
    return Border(CLOCK)


@pytest.fixture
def journal(tmp_path, border):
    return Journal(tmp_path / "journal.sqlite3", border)


def started(journal, border, remembered):
    registry = Registry("", CLOCK, load_profiles(), "140931", border)
    made = Intake(registry, journal, CLOCK, Limits(), remembered, border)
    made.publisher = Publisher(None, CLOCK, on_stored=made.stored, on_settled=made.settled)
    return made


@pytest.fixture
def intake(journal, border):
    return started(journal, border, Remembered())


@pytest.fixture
def broken(monkeypatch):
    """A fault of our own in the judgement, which no input is known to have."""

    def fail(*_):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(module, "interpret", fail)


def said(intake, adu, serial=1):
    return intake.take_data(Frame(serial, SEND, ONE, bytes(6), adu), read_unit(adu), Arrival("10.0.0.1", CLOCK.now()))


def queued(journal):
    statements = deque(one for write in journal.queue for one in write.statements)
    return [orjson.loads(values[3]) for name, values in statements if name == "add_message"]


@pytest.mark.usefixtures("broken")
def test_a_fire_whose_details_cannot_be_worked_on_is_told_as_a_bare_fire_and_listed(intake, journal, border):
    adu = detector(0b11)
    assert said(intake, adu)
    ((event,),) = queued(journal)
    assert (event["type"], event["active"], event["raw"]) == ("fire", True, adu.hex())
    assert [(key, failure.unit.fire) for key, failure in border.failures.items()] == [
        (("meaning", ONE.hex()), True),
    ]  # fmt: skip


@pytest.mark.usefixtures("broken")
def test_anything_else_is_set_aside_by_the_border_around_its_frame(intake, journal, border):
    with border.around(Unit("frame", "f1")):
        said(intake, detector(0b101))
    assert queued(journal) == []
    (failure,) = border.failures.values()
    assert str(failure.error) == "a fault of ours"


def test_without_a_fault_it_is_told_with_all_its_details(intake, journal, border):
    assert said(intake, detector(0b11))
    ((event,),) = queued(journal)
    assert event["component"] == "3-12 感烟火灾探测器"
    assert not border.failures


@pytest.mark.parametrize("late", [False, True], ids=["at the start", "once the disk can be read"])
def test_a_state_of_a_clock_that_was_ahead_at_the_last_run_is_older_than_what_comes_now(intake, journal, border, late):
    said(intake, detector(2))
    (values,) = [values for write in journal.queue for name, values in write.statements if name == "set_state"]
    hour_ahead = values[3] + 3_600_000_000
    remembered = Remembered(states={ONE: {values[1]: Known(2, hour_ahead)}})
    journal.queue.clear()
    again = started(journal, border, Remembered() if late else remembered)
    if late:
        again.take_up(remembered)
    said(again, detector(4), serial=2)
    told = [(event["type"], event["active"]) for events in queued(journal) for event in events]
    assert told == [("fire", False), ("fault", True)]
