"""What waits to be told: nothing is lost, nothing waits twice, and a fire is told before all that came before it."""

from hypothesis import given
from hypothesis import strategies as st

from services.api.live.backlog import Backlog

NAMES = st.lists(st.integers(0, 30), max_size=8)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("rest"), NAMES),
        st.tuples(st.just("fires"), st.lists(st.integers(100, 110), max_size=3)),
        st.tuples(st.just("take"), st.integers(1, 6)),
        st.tuples(st.just("fail"), st.integers(1, 6)),
    )
)


@given(STEPS)
def test_whatever_comes_is_told_once_more_after_it_came_and_fires_come_first(steps: list[tuple[str, object]]) -> None:
    backlog: Backlog[int] = Backlog(1000)
    waiting: set[int] = set()
    for act, what in steps:
        if isinstance(what, list):
            assert backlog.add(what, first=act == "fires")
            waiting |= set(what)
            continue
        taken = backlog.take(int(str(what)))
        assert len(set(taken)) == len(taken)
        assert set(taken) <= waiting
        fires = sum(name >= 100 for name in waiting)
        assert sum(name >= 100 for name in taken) == min(fires, int(str(what))), "a fire waited behind something else"
        if act == "fail":
            backlog.put_back(taken)
        else:
            waiting -= set(taken)
        assert len(backlog) == len(waiting)
    assert set(backlog.take(1000)) == waiting


def test_what_waits_longest_goes_first() -> None:
    backlog: Backlog[int] = Backlog(100)
    backlog.add([1, 2, 3])
    backlog.add([2, 4])
    assert backlog.take(3) == [1, 2, 3]
    assert backlog.take(3) == [4]


def test_too_much_is_refused_as_a_whole() -> None:
    backlog: Backlog[int] = Backlog(3)
    assert backlog.add([1, 2, 3])
    assert not backlog.add([4])
    assert len(backlog) == 0
