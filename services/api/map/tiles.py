"""Tiles of the map server, over lines of our own (decision 0079): whatever it answers is bounded in bytes and in time.

Called by `ground.py`. A tile is a whole picture or refused: all else would stand in the browser's cache for a week.
"""

from time import monotonic
from urllib.parse import urlsplit

from services.api.request.problems import Problem
from services.core.answers import Answer
from services.core.line import Line, Request
from services.core.outbound import anywhere

WAIT_S = 5.0  # for all of a tile: six of them are all that a caller's turn lets through at a time
MOST_BYTES = 2 * 1024 * 1024
_PICTURES = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")  # how PNG, JPEG, WebP and GIF begin
_KEPT = 6  # connections to one host: as many as one browser uses
_KEPT_OPEN_S = 5.0  # a server that hangs up just then costs a tile


class TileServer:
    """The lines to the hosts of the tile server, each opened once somebody wants its tiles."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    async def fetch(self, url: str, key: str) -> tuple[str, bytes]:
        """Return a tile and its media type.

        Raises:
            Problem: 502, there is none, and why.
        """
        request = Request(url, {}, b"", "GET", frozenset({key}))
        answer = await self._ask(request)
        if answer.status is None:
            raise Problem(502, "tiles_away", "the tile server does not answer")
        kind, packed = answer.headers.get("content-type", ""), answer.headers.get("content-encoding", "")
        if answer.status != 200 or not kind.startswith("image/"):
            raise Problem(502, "tiles_away", f"the tile server answered {answer.status}, and no picture")
        if packed.lower() not in {"", "identity"}:
            raise Problem(502, "tiles_away", "the tile server packed what was asked for as it is")
        if not answer.whole:
            why = f"the tile server sent more than {MOST_BYTES} bytes, broke off, or took longer than {WAIT_S:g} s"
            raise Problem(502, "tiles_away", why)
        if not answer.body.startswith(_PICTURES):
            raise Problem(502, "tiles_away", "the tile server sent no picture under the name of one")
        return kind, answer.body

    async def _ask(self, request: Request) -> Answer:
        """Ask, and once more where nothing came at all: a kept connection may be closed already (RFC 9110 9.2.2)."""
        begun, left_s = monotonic(), WAIT_S
        answer = Answer(None, {}, b"")
        for _ in range(2):
            answer = await self._line(request.url).ask(request, left_s, lambda status: status == 200)
            left_s = WAIT_S - (monotonic() - begun)
            if answer.status is not None or answer.body or left_s <= 0:
                break
        return answer

    def _line(self, url: str) -> Line:
        host = urlsplit(url).netloc  # one for each {server}: the setting lets nothing else of a tile stand there
        if host not in self._lines:
            self._lines[host] = Line(url, anywhere(), _KEPT, _KEPT_OPEN_S, MOST_BYTES)
        return self._lines[host]

    def close(self) -> None:
        """Close what was opened."""
        for line in self._lines.values():
            line.hang_up()
