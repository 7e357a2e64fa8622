"""What is set aside is left alone for its time, and for no longer where the clock was set back meanwhile."""

from datetime import timedelta

from services.core.aside import RETRY_AFTER, Asides, Unit
from tests.support.hand_clock import HandClock


class NoTable:
    async def execute(self, *_what):
        return "INSERT 0 1"


async def test_a_clock_that_was_set_back_lets_nothing_be_left_alone_for_that_time(monkeypatch):
    clock = HandClock()
    asides = Asides("alerts", clock)
    await asides.add(NoTable(), Unit("stage", "fires", fire=True), ValueError("odd"), timedelta(seconds=1))
    await asides.add(NoTable(), Unit("stage", "others"), ValueError("odd"))
    assert asides.waiting("stage") == ["fires", "others"]
    await clock.sleep(1)
    assert asides.waiting("stage") == ["others"]
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment - timedelta(hours=1))
    assert asides.waiting("stage") == []
    assert not asides.waits("stage", "fires")
    monkeypatch.setattr(clock, "now", lambda: moment + RETRY_AFTER)
    assert not asides.waits("stage", "others")
