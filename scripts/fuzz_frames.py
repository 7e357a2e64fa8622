"""Coverage-guided fuzzing of the panel codec: `python scripts/fuzz_frames.py -max_total_time=60`.

Run by hand after `pip install atheris` (no dependency of ours). It checks what the hypothesis tests check.
"""

import sys
from collections.abc import Callable
from importlib import import_module

from services.gateway.frames import MAX_FRAME_BYTES, Decoder, Frame, encode
from services.gateway.objects import describe, read_unit


def check(data: bytes) -> None:
    """Decode `data`, split where its first byte says; every frame found must come back byte for byte."""
    step = 1 + (data[0] if data else 0)
    decoder = Decoder()
    found = [item for at in range(0, len(data), step) for item in decoder.feed(data[at : at + step])]
    if decoder.pending >= MAX_FRAME_BYTES:
        raise AssertionError("more than one frame is held")
    found += decoder.rescue()
    while decoder.pending:
        found += decoder.give_up()
    for item in found:
        if isinstance(item, Frame):
            if encode(item) not in data:
                raise AssertionError("a frame that was not sent")
            for part in read_unit(item.adu).items:
                describe(part)


def main() -> None:
    """Hand the target to the fuzzer."""
    atheris = import_module("atheris")
    setup: Callable[[list[str], Callable[[bytes], None]], None] = atheris.Setup
    atheris.instrument_all()
    setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
