"""Many links with one address: which of them goes when a panel dials in again and again."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from services.core.clock import SystemClock
from services.core.contracts import EventType
from services.gateway.border import Border
from services.gateway.door import Door
from services.gateway.downlink import UNANSWERED_AFTER_S
from services.gateway.frames import SEND, Frame
from services.gateway.intake import Intake
from services.gateway.journal import Journal
from services.gateway.limits import Limits
from services.gateway.link import Link
from services.gateway.post import Caller
from services.gateway.presence import LINKS_PER_ADDRESS, SILENT_S
from services.gateway.profiles import load_profiles
from services.gateway.records import Remembered
from services.gateway.registry import Panel, Registry

PROFILES = load_profiles()
PANEL, OTHER = (bytes((number, 0, 0, 0, 0, 0)) for number in (7, 8))


class HandClock(SystemClock):
    """Its monotonic time is set by hand."""

    at_s = 1000.0

    def monotonic(self):
        return self.at_s


class OpenLink:
    """As much of a link as the door and the presence look at."""

    def __init__(self, number, post):
        self.number, self.host, self._post = number, "10.0.0.1", post
        self.callers = {}
        self.is_leaving = False
        self.probed = 0

    def close(self, reason):
        self.is_leaving = True

    def part_with(self, caller, reason):
        Link.part_with(self, caller, reason)

    def probe(self, caller):
        self.probed += 1


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def presence(tmp_path, clock):
    border = Border(clock)
    journal = Journal(tmp_path / "journal.sqlite3", border)
    registry = Registry("", clock, PROFILES, "140931", border)
    intake = Intake(registry, journal, clock, Limits(), Remembered(), border)
    intake.publisher = intake.presence.publisher = SimpleNamespace(announce=lambda *_: None, add=lambda _: None)
    intake.presence.door = Door(None, clock, Limits(), PROFILES)
    return intake.presence


@pytest.fixture
def dial(presence, clock):
    dialled = []

    def one(*others):
        link = OpenLink(len(dialled), SimpleNamespace(left=lambda link, caller: presence.left(link, caller.address)))
        dialled.append(link)
        for address in (PANEL, *others):
            caller = link.callers[address] = Caller.new(
                Frame(0, SEND, address, bytes(6)), PROFILES["standard"], clock.at_s
            )
            presence.first_word(link, caller, is_fire=False)
        return link

    one.open = lambda: [link.number for link in dialled if not link.is_leaving]
    return one


def test_a_panel_behind_a_middlebox_that_keeps_its_dead_links_is_never_shut_out_for_long(dial, clock):
    for _ in range(40):
        newest = dial()
        clock.at_s += SILENT_S / (LINKS_PER_ADDRESS - 1)
        assert not newest.is_leaving
    assert dial.open() == list(range(40 - LINKS_PER_ADDRESS, 40))


def test_of_a_first_link_that_is_closed_for_its_silence_nobody_is_told_that_it_is_kept(
    dial, presence, clock, monkeypatch
):
    told = []
    monkeypatch.setattr(presence, "tell", lambda panel, kind, text, **_: told.append(text))
    first = dial()
    for _ in range(LINKS_PER_ADDRESS):
        clock.at_s += SILENT_S / (LINKS_PER_ADDRESS - 1)
        dial()
    assert first.is_leaving
    assert ["保留" in text for text in told] == [True] * (LINKS_PER_ADDRESS - 1) + [False]
    assert "不再使用" in told[-1]
    assert first.probed == LINKS_PER_ADDRESS - 1, "a link that is closed is asked nothing"


def test_links_that_speak_are_displaced_by_none(dial, clock):
    links = [dial() for _ in range(LINKS_PER_ADDRESS)]
    clock.at_s += 10 * SILENT_S
    for link in links:
        link.callers[PANEL].heard = clock.at_s - SILENT_S / 2
    assert dial().is_leaving
    assert dial.open() == list(range(LINKS_PER_ADDRESS))


def test_a_link_that_answers_nothing_is_closed_where_its_panel_has_another(dial, presence, clock):
    first = dial()
    clock.at_s += UNANSWERED_AFTER_S
    presence.unanswered(first, first.callers[PANEL])
    assert not first.is_leaving, "a panel may answer nothing on its only link"
    second = dial()
    clock.at_s += UNANSWERED_AFTER_S - 1
    presence.unanswered(second, second.callers[PANEL])
    assert not second.is_leaving, "it was heard meanwhile"
    presence.unanswered(first, first.callers[PANEL])
    assert dial.open() == [1]


def test_an_address_that_is_silent_on_the_link_of_a_concentrator_takes_nobody_else_off_it(dial, presence, clock):
    shared = dial(OTHER)
    clock.at_s += UNANSWERED_AFTER_S
    own = dial()
    presence.unanswered(shared, shared.callers[PANEL])
    assert (dial.open(), list(shared.callers)) == ([0, 1], [OTHER])
    assert (presence.door.link_of(PANEL), presence.door.link_of(OTHER)) == (own, shared)


def test_two_questions_that_run_out_at_once_take_nobody_else_off_the_link(dial, presence, clock):
    shared = dial(OTHER)
    silent = shared.callers[PANEL]
    clock.at_s += UNANSWERED_AFTER_S
    dial()
    dial()
    presence.unanswered(shared, silent)
    presence.unanswered(shared, silent)
    assert (dial.open(), list(shared.callers)) == ([0, 1, 2], [OTHER])


def test_a_panel_of_which_no_frame_is_sound_is_told_by_the_address_that_it_gives(dial, presence, monkeypatch):
    told = []
    monkeypatch.setattr(presence, "tell", lambda panel, kind, text, **_: told.append((panel.code, kind)))
    ours = Panel(PANEL, "panel-7", "140931100", PROFILES["standard"], registered=True)
    strange = replace(ours, code="utd-9", registered=False)
    registry = SimpleNamespace(panel=lambda address: ours if address == PANEL else strange)
    monkeypatch.setattr(presence, "_registry", registry)
    link = dial()
    link.callers.clear()
    presence.garbled(link, PANEL)
    presence.garbled(link, PANEL)
    presence.garbled(link, b"\x99" * 6)
    assert told == [("panel-7", EventType.LINE_FAULT)]


def test_of_too_many_links_with_one_address_that_of_a_concentrator_stays_for_the_others(dial, presence, clock):
    shared = dial(OTHER)
    for _ in range(LINKS_PER_ADDRESS):
        clock.at_s += SILENT_S / (LINKS_PER_ADDRESS - 1)
        dial()
    assert (dial.open(), list(shared.callers)) == (list(range(LINKS_PER_ADDRESS + 1)), [OTHER])
    assert presence.door.links_of(PANEL) == LINKS_PER_ADDRESS
