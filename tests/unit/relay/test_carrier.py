"""What is under way: finished only when all of it is named, sent again until then, one event of a name at a time."""

from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.core.feed import Batch
from services.relay.carrier import ECHO_S, RESEND_CAP_S, RESEND_FIRST_S, Carrier, Sending
from services.relay.lanes import Lane
from services.relay.packing import Row
from tests.support.hand_clock import HandClock

AT = datetime(2026, 11, 29, tzinfo=UTC)


def batch(number: int) -> Batch:
    return Batch(number, "all/event", number, AT, AT, AT, {"events": 1}, 0)


def event(number: int, name: str, device: str = "p", part: str = "") -> Row:
    return Row(number, f"{device}/up/event", (device, name), b'{"n":%d}' % number, part=part)


def reading(number: int) -> Row:
    return Row(number, "h/up/telemetry", ("hydrant", "h", number, number), b'{"n":%d}' % number)


class Line:
    """The connection, by hand."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.posted: list[Sending] = []
        self.carrier = Carrier(self.clock, self.posted.append)
        self.wait(2 * ECHO_S)  # no acknowledgement of before the start is on its way any more

    def wait(self, seconds: float) -> None:
        self.clock.slept.append(seconds)

    def take(self) -> list[bytes]:
        """Hand everything over to the broker, which acknowledges it; what went."""
        sent = []
        while self.posted:
            sending = self.posted.pop(0)
            if sending.left:
                self.carrier.handed_over(sending)
                sending.at_broker = True
                sent.append(sending.message.payload)
        return sent


@pytest.fixture
def line() -> Line:
    return Line()


def numbers(batches: list[Batch]) -> list[int]:
    return [one.number for one in batches]


def test_a_batch_is_finished_with_its_last_row_and_after_those_before_it(line: Line) -> None:
    line.carrier.add(Lane.FIRES, [batch(1)], [event(1, "a"), event(1, "b")])
    line.carrier.add(Lane.FIRES, [batch(2)], [event(2, "c")])
    line.take()
    for name, done in (("c", []), ("a", []), ("b", [1, 2])):
        line.carrier.carried(("p", name))
        assert numbers(line.carrier.finished(Lane.FIRES)) == done
    assert line.carrier.open_rows(Lane.FIRES) == 0


def test_batches_without_rows_that_go_up_are_finished_at_once_and_in_order(line: Line) -> None:
    line.carrier.add(Lane.EVENTS, [batch(1), batch(2)], [])
    assert numbers(line.carrier.finished(Lane.EVENTS)) == [1, 2]


def test_what_is_not_named_is_sent_again_byte_for_byte_with_growing_pauses(line: Line) -> None:
    line.carrier.add(Lane.FIRES, [batch(1)], [event(1, "a"), event(1, "b")])
    (first,) = line.take()
    pause = RESEND_FIRST_S
    for _ in range(7):
        line.wait(pause - 1)
        line.carrier.tick()
        assert line.take() == []
        line.wait(1)
        line.carrier.tick()
        assert line.take() == [first]
        pause = min(RESEND_CAP_S, pause * 2)


def test_after_a_reconnect_all_that_the_broker_had_goes_again(line: Line) -> None:
    line.carrier.add(Lane.FIRES, [batch(1)], [event(1, "a")])
    (first,) = line.take()
    line.carrier.reconnected()
    assert line.take() == [first]


def test_another_event_of_the_same_name_waits_until_the_first_is_named(line: Line) -> None:
    line.carrier.add(Lane.FIRES, [batch(1)], [event(1, "a"), event(2, "a")])
    line.carrier.add(Lane.EVENTS, [batch(3)], [event(3, "a"), event(4, "b", "q")])
    assert line.take() == [b'{"n":1}', b'{"n":4}']
    line.carrier.carried(("p", "a"))
    assert numbers(line.carrier.finished(Lane.FIRES)) == []
    assert line.take() == [b'{"n":2}']
    line.carrier.carried(("p", "a"))
    assert numbers(line.carrier.finished(Lane.FIRES)) == [1]
    assert line.take() == [b'{"n":3}']


def test_what_a_device_says_later_of_a_component_does_not_go_past_what_waits_of_it(line: Line) -> None:
    begins, ends, again = event(1, "a", part="3-12"), event(2, "a", part="3-12"), event(3, "b", part="3-12")
    other, reset = event(4, "c", part="3-13"), event(5, "d")
    line.carrier.add(Lane.EVENTS, [batch(1)], [begins, ends, again, other, reset])
    assert line.take() == [b'[{"n":1},{"n":4}]']
    line.carrier.add(Lane.EVENTS, [batch(6)], [event(6, "e", part="3-14")])
    line.carrier.send_ahead(Lane.EVENTS, [event(7, "f", part="3-12")])
    assert line.take() == []
    line.carrier.carried(("p", "a"))
    assert line.take() == [b'[{"n":2},{"n":3},{"n":5}]', b'{"n":6}']
    for name in "cabde":
        line.carrier.carried(("p", name))
    assert numbers(line.carrier.finished(Lane.EVENTS)) == [1, 6]


def test_what_is_named_is_no_part_of_a_repeat(line: Line) -> None:
    line.carrier.add(Lane.FIRES, [batch(1)], [event(1, "a"), event(2, "b"), event(3, "c")])
    line.take()
    line.carrier.carried(("p", "a"))
    line.wait(RESEND_FIRST_S)
    line.carrier.tick()
    assert line.take() == [b'{"n":2}', b'{"n":3}']


def test_two_events_of_the_same_bytes_go_up_each_once_and_each_with_its_own_time(line: Line) -> None:
    older, newer = (Row(n, "p/up/event", ("p", "1"), b"{}", received_us=n * 1000) for n in (1, 9))
    line.carrier.send_ahead(Lane.FIRES, [newer])
    line.carrier.add(Lane.FIRES, [batch(1), batch(9)], [older, newer])
    times = []
    for _ in range(2):
        times += [sending.message.received_us for sending in line.posted]
        line.take()
        line.carrier.carried(("p", "1"))
    assert times == [9000, 1000]
    assert numbers(line.carrier.finished(Lane.FIRES)) == [1, 9]


def test_the_echo_of_a_repeat_names_no_other_event(line: Line) -> None:
    line.carrier.add(Lane.FIRES, [batch(1)], [event(1, "a"), event(2, "a")])
    line.take()
    line.wait(RESEND_FIRST_S)
    line.carrier.tick()
    line.take()
    line.carrier.carried(("p", "a"))
    assert line.take() == []
    line.carrier.carried(("p", "a"))  # of the repeat
    line.wait(ECHO_S)
    line.carrier.tick()
    assert line.take() == [b'{"n":2}']
    assert numbers(line.carrier.finished(Lane.FIRES)) == []
    line.carrier.carried(("p", "a"))
    assert numbers(line.carrier.finished(Lane.FIRES)) == [1]


def test_just_after_a_start_an_acknowledgement_may_be_of_what_was_sent_before(line: Line) -> None:
    fresh = Line()
    fresh.carrier = Carrier(fresh.clock, fresh.posted.append)
    fresh.carrier.add(Lane.FIRES, [batch(1)], [event(1, "a"), event(2, "a")])
    fresh.take()
    fresh.carrier.carried(("p", "a"))
    fresh.carrier.carried(("p", "a"))
    assert fresh.take() == []
    fresh.wait(ECHO_S)
    fresh.carrier.tick()
    assert fresh.take() == [b'{"n":2}']


def test_readings_that_are_not_stored_go_again_one_by_one(line: Line) -> None:
    line.carrier.add(Lane.READINGS, [batch(1)], [reading(n) for n in range(3)])
    assert line.take() == [b'[{"n":0},{"n":1},{"n":2}]']
    assert [row.key[2] for row, _ in line.carrier.asked(10)] == [0, 1, 2]
    line.carrier.carried(reading(1).key)
    line.wait(RESEND_FIRST_S)
    line.carrier.tick()
    assert line.take() == [b'{"n":0}', b'{"n":2}']
    assert [row.key[2] for row, _ in line.carrier.asked(1)] == [0]
    for n in (0, 2):
        line.carrier.carried(reading(n).key)
    assert numbers(line.carrier.finished(Lane.READINGS)) == [1]
    assert line.carrier.asked(10) == []


def test_what_goes_ahead_is_sent_once_and_awaited_where_the_log_comes_to_it(line: Line) -> None:
    line.carrier.add(Lane.FIRES, [batch(1)], [event(1, "old")])
    line.carrier.send_ahead(Lane.FIRES, [event(2, "live"), event(3, "later")])
    line.carrier.send_ahead(Lane.FIRES, [event(2, "live")])
    assert line.take() == [b'{"n":1}', b'{"n":2}', b'{"n":3}']
    line.carrier.carried(("p", "live"))
    line.carrier.add(Lane.FIRES, [batch(2), batch(3)], [event(2, "live"), event(3, "later")])
    assert line.take() == []
    line.carrier.carried(("p", "old"))
    assert numbers(line.carrier.finished(Lane.FIRES)) == [1]
    line.carrier.carried(("p", "later"))
    assert numbers(line.carrier.finished(Lane.FIRES)) == [2, 3]
    assert line.carrier.open_rows(Lane.FIRES) == 0


class AnyOrder(RuleBasedStateMachine):
    """Rows, acknowledgements, lost ones and reconnects in any order: every row is carried once, no batch too early."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.county: set[bytes] = set()
        self.at_county: list[tuple[tuple[str, str], bytes]] = []  # acknowledgements on their way
        self.names: dict[bytes, tuple[str, str]] = {}
        self.rows: dict[int, list[bytes]] = {}
        self.done: list[int] = []
        self.unread: list[tuple[Batch, list[Row]]] = []

    @rule(names=st.lists(st.sampled_from("ab"), max_size=3))
    def commit(self, names: list[str]) -> None:
        number = len(self.rows) + 1
        rows = [Row(number, "p/up/event", ("p", name), b'{"n":"%d.%d"}' % (number, n)) for n, name in enumerate(names)]
        self.rows[number] = [row.element for row in rows]
        self.names |= {row.element: ("p", name) for row, name in zip(rows, names, strict=True)}
        self.unread.append((batch(number), rows))

    @precondition(lambda self: self.unread)
    @rule()
    def read(self) -> None:
        one, rows = self.unread.pop(0)
        self.line.carrier.add(Lane.FIRES, [one], rows)

    @precondition(lambda self: self.unread)
    @rule()
    def send_the_newest_ahead(self) -> None:
        self.line.carrier.send_ahead(Lane.FIRES, self.unread[-1][1])

    @rule(lost=st.booleans())
    def send(self, lost: bool) -> None:
        for payload in self.line.take():
            if lost:  # between broker and table
                continue
            for element in payload.strip(b"[]").replace(b"},{", b"}\n{").split(b"\n"):
                self.county.add(element)
                self.at_county.append((self.names[element], element))

    @precondition(lambda self: self.at_county)
    @rule()
    def acknowledge(self) -> None:
        name, _ = self.at_county.pop(0)
        self.line.carrier.carried(name)

    @rule()
    def wait(self) -> None:
        while self.at_county:  # no acknowledgement is on its way for so long
            self.acknowledge()
        self.line.wait(RESEND_CAP_S)
        self.line.carrier.tick()

    @invariant()
    def nothing_is_finished_that_the_county_lacks(self) -> None:
        self.done += numbers(self.line.carrier.finished(Lane.FIRES))
        assert self.done == list(range(1, len(self.done) + 1))
        for number in self.done:
            assert set(self.rows[number]) <= self.county

    def teardown(self) -> None:
        while self.unread:
            self.read()
        for _ in range(sum(map(len, self.rows.values())) + 1):  # those of one name go one after the other
            self.send(lost=False)
            self.wait()
        self.nothing_is_finished_that_the_county_lacks()
        assert self.done == list(self.rows)
        assert self.line.carrier.open_rows(Lane.FIRES) == 0


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=25)
