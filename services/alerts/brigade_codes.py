"""The brigade's codes of XF/T 3017 in their file, which may come later than we do: its disk may be away at a start.

Called by main. Promises: a fire never waits for the file; until it can be read the codes of the table stand.
"""

import asyncio
from pathlib import Path

from services.alerts.signing import DeskAddress
from services.core.city import xf3017
from services.core.errors import BadSetting

EVERY_S = 10.0


class BrigadeCodes:
    """The duty that keeps the desk's codes as the file has them."""

    def __init__(self, file: Path, desk: DeskAddress) -> None:
        self._file = file
        self._desk = desk

    async def take_turn(self) -> float:
        """Read the file once.

        Raises:
            BadSetting: it cannot be read, or holds something else; the codes stay as they were.
        """
        try:
            self._desk.codes = xf3017.read_codes(await asyncio.to_thread(self._file.read_bytes))
        except (OSError, ValueError) as error:
            raise BadSetting(f"FIRETOWER_DISPATCH_CODES: {error}") from None
        return EVERY_S
