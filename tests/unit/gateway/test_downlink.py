from datetime import UTC, datetime

import pytest

from services.gateway.downlink import ANSWER_WITHIN_S, FLAGS, TRIES, CannotSay, Exchanges, command_byte, data_unit
from services.gateway.frames import CONFIRM, CONTROL, DENY, REQUEST, RESPONSE, Frame, answer
from services.gateway.objects import read_unit
from services.gateway.profiles import load_profiles
from services.gateway.tables import TABLES

PROFILES = load_profiles()
STANDARD = PROFILES["standard"]
NOW = datetime(2026, 5, 1, 8, 0, 0, tzinfo=UTC)
HEARD = Frame(9, 2, b"\x01\0\0\0\0\0", b"\x02\0\0\0\0\0", version_user=3)
LABEL = bytes((0, 0, 16, 1, 5, 26))


@pytest.mark.parametrize("command", sorted(FLAGS))
def test_every_downlink_type_of_the_tables_can_be_said(command):
    flag, adu = data_unit(command, {}, STANDARD, NOW)
    unit = read_unit(adu)
    assert (unit.flag, len(unit.items), unit.notes) == (flag, 1, ())
    assert command_byte(flag) == (CONTROL if flag >= 89 else REQUEST)


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        ("sync_clock", {}, "5a01" + LABEL.hex()),
        ("guard_check", {"timeout_min": 5}, "5b0105"),
        ("initialise", {}, "590100"),
        ("read_component_state", {"loop": 10, "point": 2}, "3e0101010a000200"),
        ("read_component_state", {"component_address": "01020304", "system_type": 11}, "3e010b0101020304"),
        ("read_utd_operation", {"count": 3, "since": "2026-05-01T16:00:00+08:00"}, "540103" + LABEL.hex()),
        ("read_utd_operation", {"count": 3, "since": "2026-05-01T16:00:00"}, "540103" + LABEL.hex()),
        ("read_utd_state", {}, "510100"),
    ],
)
def test_commands_have_the_bytes_of_the_standard(command, arguments, expected):
    assert data_unit(command, arguments, STANDARD, NOW)[1].hex() == expected


@pytest.mark.parametrize(
    ("profile", "arguments", "address"),
    [("point_first", {"loop": 10, "point": 2}, "02000a00"), ("flat_address", {"point": 131082}, "0a000200")],
)
def test_component_addresses_follow_the_profile(profile, arguments, address):
    assert data_unit("read_component_state", arguments, PROFILES[profile], NOW)[1].hex().endswith(address)


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("dance", {}, "command dance"),
        ("guard_check", {"timeout_min": 0}, "timeout_min"),
        ("guard_check", {"timeout_min": True}, "timeout_min"),
        ("guard_check", {"timeout_min": "10"}, "timeout_min"),
        ("read_component_state", {"component_address": "xy"}, "component_address"),
        ("read_component_state", {"component_address": "0102"}, "component_address"),
        ("read_component_state", {"loop": 70_000}, "loop"),
        ("read_system_operation", {"count": 103}, "count"),
        ("read_system_operation", {"since": "yesterday"}, "since"),
    ],
)
def test_a_command_that_makes_no_data_unit_names_the_field(command, arguments, message):
    with pytest.raises(CannotSay, match=message):
        data_unit(command, arguments, STANDARD, NOW)


def begin(exchanges, command, at=0.0):
    flag, adu = data_unit(command, {}, STANDARD, NOW)
    return exchanges.begin(flag, adu, like=HEARD, label=LABEL, at=at)


def reply(exchange, command, adu=b""):
    return answer(exchange.frame, command, adu)


def test_messages_go_to_who_was_heard_with_serials_of_their_own():
    exchanges = Exchanges()
    frames = [begin(exchanges, "guard_check").frame for _ in range(3)]
    assert [frame.serial for frame in frames] == [0, 1, 2]
    assert (frames[0].source, frames[0].destination, frames[0].version_user) == (HEARD.destination, HEARD.source, 3)


@pytest.mark.parametrize("command", [CONFIRM, DENY])
def test_a_confirm_or_denial_ends_an_order(command):
    exchanges = Exchanges()
    exchange = begin(exchanges, "guard_check")
    answered = reply(exchange, command)
    assert exchanges.answered(answered, read_unit(b"")) is exchange
    assert exchanges.answered(answered, read_unit(b"")) is None


def test_a_read_is_ended_by_its_data_with_our_serial_or_without():
    exchanges = Exchanges()
    state, clock = begin(exchanges, "read_utd_state"), begin(exchanges, "read_utd_time")
    assert exchanges.answered(reply(state, CONFIRM), read_unit(b"")) is None
    data = b"\x1c\x01" + LABEL
    foreign = Frame(777, RESPONSE, HEARD.source, HEARD.destination, data)
    assert exchanges.answered(foreign, read_unit(data)) is clock
    wrong_serial = reply(state, RESPONSE, data)
    assert exchanges.answered(wrong_serial, read_unit(data)) is None
    data = b"\x15\x01\x01" + LABEL
    assert exchanges.answered(reply(state, RESPONSE, data), read_unit(data)) is state
    assert exchanges.answered(Frame(1, RESPONSE, HEARD.source, bytes(6)), read_unit(b"")) is None
    assert len(exchanges) == 0


def test_without_an_answer_a_message_is_repeated_three_times_and_then_given_up():
    exchanges = Exchanges()
    exchange = begin(exchanges, "guard_check")
    assert exchanges.overdue(ANSWER_WITHIN_S - 1) == ([], [])
    for turn in range(1, TRIES):
        assert exchanges.overdue(turn * ANSWER_WITHIN_S) == ([exchange], [])
    assert exchanges.overdue(TRIES * ANSWER_WITHIN_S) == ([], [exchange])
    assert exchanges.overdue(99 * ANSWER_WITHIN_S) == ([], [])


def test_every_read_names_the_type_that_answers_it():
    for kind in TABLES.types.values():
        if kind.direction == "down" and kind.code < 89:
            assert kind.reply == kind.code - 60
