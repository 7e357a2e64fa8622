"""Small base maps for tests: a PMTiles file of one tile, PNG tiles, and a stand-in for a tile server on loopback."""

import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_WHOLE_TILE = [9, 0, 0, 26, 8192, 0, 0, 8192, 8191, 0, 15]  # move, three lines, close: a square of 4096 units
_NONE, _MVT = 1, 1  # no compression; vector tiles


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _layer(name: str) -> bytes:
    geometry = b"".join(map(_varint, _WHOLE_TILE))
    polygon = _varint(3 << 3) + _varint(3) + _field(4, geometry)
    return _field(3, _field(1, name.encode()) + _field(2, polygon) + _varint(15 << 3) + _varint(2))


def pmtiles_of(*layers: str) -> bytes:
    """A PMTiles file (version 3) whose only tile is the whole world, covered by each of `layers`."""
    tile = b"".join(map(_layer, layers))
    directory = b"".join(map(_varint, (1, 0, 1, len(tile), 1)))  # one entry: tile 0, once, its length, offset 0
    metadata = b"{}"
    parts, at = [], 127
    for part in (directory, metadata, b"", tile):
        parts += [at, len(part)]
        at += len(part)
    counts = (1, 1, 1)
    ends = (-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)
    header = b"PMTiles\x03" + struct.pack("<11Q", *parts, *counts)
    header += struct.pack("<BBBBBB4iBii", 1, _NONE, _NONE, _MVT, 0, 0, *ends, 0, 0, 0)
    return header + directory + metadata + tile


def png(red: int, green: int, blue: int, alpha: int = 255, size: int = 256) -> bytes:
    """A PNG picture of one colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\0" + bytes((red, green, blue, alpha)) * size) * size
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Tiles:
    """A tile server's stand-in: pictures by layer, and what was asked."""

    def __init__(self, pictures: dict[str, bytes], key: str) -> None:
        self.pictures, self.key = pictures, key
        self.asked: list[str] = []
        self.url = ""

    def answer(self, path: str) -> bytes | None:
        """The picture asked for; None when key or layer are wrong."""
        query = parse_qs(urlsplit(path).query)
        layer = query["T"][0].removesuffix("_w")
        self.asked.append(layer)
        return self.pictures.get(layer) if query["tk"] == [self.key] else None


@contextmanager
def tile_server(pictures: dict[str, bytes], key: str) -> Iterator[Tiles]:
    """Serve `pictures` by layer to whoever has the key."""
    tiles = Tiles(pictures, key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = tiles.answer(self.path)
            self.send_response(403 if body is None else 200)
            self.send_header("Content-Type", "text/plain" if body is None else "image/png")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="tiles", daemon=True)
    thread.start()
    tiles.url = f"http://127.0.0.1:{server.server_port}/DataServer?T={{layer}}_w&x={{x}}&y={{y}}&l={{z}}&tk={{key}}"
    try:
        yield tiles
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
