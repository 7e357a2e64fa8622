"""What a device keeps: events until they are named, readings for two seconds of acknowledgements."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simulators.outbox import RESEND_CAP_S, EventOutbox, RecentReadings

BASE = "fire/v1/140931100/panel/PAN-00001"


def test_an_unnamed_event_is_sent_after_ten_seconds_doubling_to_five_minutes() -> None:
    outbox = EventOutbox()
    outbox.keep(BASE, "e1", BASE + "/up/event", b"bytes", now_s=0.0)
    sent_at = [at_s for at_s in range(2000) if outbox.take_due(float(at_s)) == [(BASE + "/up/event", b"bytes")]]
    assert sent_at[:7] == [10, 30, 70, 150, 310, 610, 910]


def test_a_named_event_is_forgotten_and_never_sent_again() -> None:
    outbox = EventOutbox()
    outbox.keep(BASE, "e1", "t", b"1", now_s=0.0)
    assert outbox.acknowledge(BASE, ["e1", "unknown"]) == ["e1"]
    assert outbox.take_due(1e6) == []
    assert len(outbox) == 0


def test_a_named_event_does_not_hold_up_its_successors() -> None:
    outbox = EventOutbox()
    outbox.keep(BASE, "e1", "t", b"1", now_s=0.0)
    outbox.keep(BASE, "e2", "t", b"2", now_s=1.0)
    outbox.acknowledge(BASE, ["e1"])
    assert outbox.take_due(11.0) == [("t", b"2")]


def test_an_ack_for_another_device_changes_nothing() -> None:
    outbox = EventOutbox()
    outbox.keep(BASE, "e1", "t", b"1", now_s=0.0)
    assert outbox.acknowledge(BASE + "x", ["e1"]) == []
    assert len(outbox) == 1


def test_a_new_connection_sends_everything_at_once_and_waits_anew() -> None:
    outbox = EventOutbox()
    outbox.keep(BASE, "e1", "t", b"1", now_s=0.0)
    outbox.keep(BASE, "e2", "t", b"2", now_s=1.0)
    assert outbox.take_all(5.0) == [("t", b"1"), ("t", b"2")]
    assert outbox.take_due(14.9) == []
    assert sorted(outbox.take_due(15.0)) == [("t", b"1"), ("t", b"2")]


def test_a_full_memory_says_so() -> None:
    outbox = EventOutbox(max_events=1)
    assert outbox.keep(BASE, "e1", "t", b"1", now_s=0.0)
    assert not outbox.keep(BASE, "e2", "t", b"2", now_s=0.0)


def test_readings_of_the_last_two_seconds_of_acknowledgements_are_kept() -> None:
    recent = RecentReadings()
    for number, at_s in enumerate((0.0, 1.0, 2.5, 3.0)):
        recent.acknowledged("t", str(number).encode(), at_s)
    assert recent.take_all() == [("t", b"1"), ("t", b"2"), ("t", b"3")]
    assert recent.take_all() == []


@given(st.lists(st.floats(0, 5), max_size=50))
def test_whatever_the_rhythm_the_two_seconds_before_the_newest_ack_are_covered(pauses: list[float]) -> None:
    recent, at_s, acked = RecentReadings(), 0.0, []
    for number, pause_s in enumerate(pauses):
        at_s += pause_s
        acked.append((at_s, str(number).encode()))
        recent.acknowledged("t", acked[-1][1], at_s)
    kept = {payload for _, payload in recent.take_all()}
    assert kept >= {payload for when_s, payload in acked if when_s >= at_s - 2.0}


class OutboxMachine(RuleBasedStateMachine):
    """An event that nobody named is always sent again within five minutes, byte for byte."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = EventOutbox()
        self.now_s = 0.0
        self.last_sent: dict[str, float] = {}
        self.number = 0

    def _note(self, sent: list[tuple[str, bytes]]) -> None:
        for topic, payload in sent:
            assert topic == "t"
            self.last_sent[payload.decode()] = self.now_s

    @rule()
    def keep(self) -> None:
        self.number += 1
        self.outbox.keep(BASE, str(self.number), "t", str(self.number).encode(), self.now_s)
        self.last_sent[str(self.number)] = self.now_s

    @precondition(lambda self: self.last_sent)
    @rule(pick=st.integers(0, 1000))
    def acknowledge(self, pick: int) -> None:
        event_id = sorted(self.last_sent)[pick % len(self.last_sent)]
        assert self.outbox.acknowledge(BASE, [event_id]) == [event_id]
        del self.last_sent[event_id]

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self._note(self.outbox.take_due(self.now_s))

    @rule()
    def reconnect(self) -> None:
        sent = self.outbox.take_all(self.now_s)
        assert {payload.decode() for _, payload in sent} == set(self.last_sent)
        self._note(sent)

    @invariant()
    def nobody_waits_longer_than_five_minutes(self) -> None:
        assert len(self.outbox) == len(self.last_sent)
        assert all(self.now_s - sent_s <= RESEND_CAP_S + 30 for sent_s in self.last_sent.values())


TestOutboxMachine = OutboxMachine.TestCase
