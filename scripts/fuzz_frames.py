"""Coverage-guided fuzzing of the panel codec: `python scripts/fuzz_frames.py -max_len=2200 -max_total_time=60`.

Run by hand after `pip install atheris` (no dependency of ours). It checks what the hypothesis tests check: nothing
raises on any bytes, a frame that was found was sent, and a fire in a data unit is told.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module

atheris = import_module("atheris")
with atheris.instrument_imports(include=["services.gateway"]):
    from services.gateway.frames import MAX_FRAME_BYTES, SEND, Decoder, Frame, encode
    from services.gateway.meaning import interpret
    from services.gateway.objects import describe, holds_fire, read_unit
    from services.gateway.profiles import DEFAULT, load_profiles

NOW = datetime(2026, 5, 1, 8, 0, 0, tzinfo=UTC)
PROFILE = load_profiles()[DEFAULT]


def check(data: bytes) -> None:
    """Take `data` for a stream, split where its first byte says, and for a data unit, bare and in a sound frame."""
    check_stream(data, 1 + (data[0] if data else 0))
    adu = data[:1024]
    check_stream(encode(Frame(0, SEND, b"fuzzed", bytes(6), adu)), 1 + len(data) % 300)
    check_unit(adu)


def check_stream(data: bytes, step: int) -> None:
    """Decode `data` in pieces of `step` bytes; every frame found must come back byte for byte."""
    decoder = Decoder()
    found = [item for at in range(0, len(data), step) for item in decoder.feed(data[at : at + step])]
    if decoder.pending >= MAX_FRAME_BYTES:
        raise AssertionError("more than one frame is held")
    found += decoder.rescue()
    while decoder.pending:
        found += decoder.give_up()
    for item in found:
        if isinstance(item, Frame) and encode(item) not in data:
            raise AssertionError("a frame that was not sent")


def check_unit(adu: bytes) -> None:
    """Read a data unit; a fire in it must become one."""
    unit = read_unit(adu)
    for item in unit.items:
        describe(item)
    if holds_fire(unit) and not interpret(unit, PROFILE, {}, 1, NOW).urgent:
        raise AssertionError("a fire that no event tells")


def main() -> None:
    """Hand the target to the fuzzer."""
    setup: Callable[[list[str], Callable[[bytes], None]], None] = atheris.Setup
    setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
