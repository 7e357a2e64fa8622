"""The pages and their assets, and the description of the API for people. Files only: no data is in them.

Promises to read nothing outside the two folders it names.
"""

import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.api.request.auth import Reader
from services.api.request.problems import not_found

router = APIRouter(include_in_schema=False)
WEB = Path(__file__).parent / "web"
REFERENCE = Path(__file__).parent / "reference"
_TYPES = {
    ".mjs": "text/javascript", ".js": "text/javascript", ".geojson": "application/geo+json",
    ".json": "application/json", ".svg": "image/svg+xml", ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".css": "text/css", ".html": "text/html", ".pmtiles": "application/octet-stream", ".pbf": "application/x-protobuf",
}  # fmt: skip


@lru_cache(maxsize=512)
def _etag(path: Path, _modified_ns: int) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'


def _file(request: Request, folder: Path, name: str) -> Response:
    if "\x00" in name or len(name) > 300:
        raise not_found("page of this name")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise not_found("page of this name")
    etag = _etag(path, path.stat().st_mtime_ns)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Response(path.read_bytes(), headers=headers, media_type=kind)


@router.get("/")
@router.get("/login")
async def dashboard(request: Request) -> Response:
    """Answer the dashboard; it asks for a login itself."""
    return _file(request, WEB, "index.html")


@router.get("/wall")
async def wall(request: Request) -> Response:
    """Answer the wall screen."""
    return _file(request, WEB, "wall.html")


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """Answer the icon."""
    if not (WEB / "icons" / "tower.svg").is_file():
        return Response(status_code=204)
    return _file(request, WEB, "icons/tower.svg")


@router.get("/static/{name:path}")
async def asset(request: Request, name: str) -> Response:
    """Answer one file of the pages."""
    return _file(request, WEB, name)


@router.get("/docs")
async def reference(request: Request, _who: Reader) -> Response:
    """Answer the description of the API for people; it reads /openapi.json."""
    return _file(request, REFERENCE, "index.html")


@router.get("/docs/{name}")
async def reference_asset(request: Request, name: str, _who: Reader) -> Response:
    """Answer one file of the description."""
    return _file(request, REFERENCE, name)
