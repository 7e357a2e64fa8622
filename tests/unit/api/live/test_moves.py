from services.api.live.cursors import Told
from services.api.live.moves import Moves

NORTH, SOUTH = "140931100", "140931101"


def told(name: int, area: str | None, state: str = "unacknowledged") -> Told:
    return Told(name, area, {"state": state})


def test_the_area_that_something_left_is_named_once() -> None:
    moves = Moves()
    assert moves.left([told(1, NORTH), told(2, NORTH), told(3, None)]) == []
    assert moves.left([told(1, SOUTH), told(2, SOUTH), told(3, NORTH)]) == [NORTH, None]
    assert moves.left([told(1, SOUTH), told(2, SOUTH), told(3, NORTH)]) == []


def test_a_closed_alarm_is_forgotten_and_so_is_what_is_beyond_the_bound() -> None:
    moves = Moves(most=1)
    assert moves.left([told(1, NORTH), told(2, NORTH)]) == []
    assert moves.left([told(2, SOUTH)]) == []
    assert moves.left([told(1, SOUTH, "closed")]) == [NORTH]
    assert moves.left([told(2, SOUTH)]) == []
    assert moves.left([told(2, NORTH)]) == [SOUTH]


def test_what_was_there_before_anything_was_told_is_known_to_have_left():
    moves = Moves(most=3)
    assert moves.left([told(3, SOUTH)]) == []
    moves.know([(1, NORTH), (2, None), (3, NORTH), (4, NORTH)])
    assert moves.left([told(1, SOUTH), told(2, SOUTH), told(3, SOUTH), told(4, SOUTH)]) == [NORTH, None]
