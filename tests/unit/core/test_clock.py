"""The clock of the running programs."""

from datetime import UTC

from services.core.clock import SystemClock


async def test_the_system_clock_is_aware_and_only_goes_on():
    clock = SystemClock()
    first = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() > first
