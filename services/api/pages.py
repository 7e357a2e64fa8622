"""The pages and their assets, and the description of the API for people. Files only: no data is in them.

Promises to read nothing outside the two folders it names.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from services.api.request.auth import Reader

router = APIRouter(include_in_schema=False)
_TYPES = {
    ".mjs": "text/javascript", ".js": "text/javascript", ".geojson": "application/geo+json",
    ".woff2": "font/woff2", ".webmanifest": "application/manifest+json", ".pbf": "application/x-protobuf",
}  # fmt: skip  # what not every system's table of types knows


@lru_cache(maxsize=512)
def _etag(path: Path, _modified_ns: int) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'


class Files(StaticFiles):
    """The files of one folder. Their ETag is their content: a packed release gives every file the same time."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Answer a file, or 304 when the browser has it already."""
        path = Path(full_path)
        headers = {"ETag": _etag(path, stat_result.st_mtime_ns), "Cache-Control": "no-cache"}
        kind = _TYPES.get(path.suffix)
        response = FileResponse(path, status_code, headers, media_type=kind, stat_result=stat_result)
        if self.is_not_modified(response.headers, Request(scope).headers):
            return NotModifiedResponse(response.headers)
        return response


WEB = Files(directory=Path(__file__).parent / "web")
REFERENCE = Files(directory=Path(__file__).parent / "reference")


@router.get("/")
@router.get("/login")
async def dashboard(request: Request) -> Response:
    """Answer the dashboard; it asks for a login itself."""
    return await WEB.get_response("index.html", request.scope)


@router.get("/wall")
async def wall(request: Request) -> Response:
    """Answer the wall screen."""
    return await WEB.get_response("wall.html", request.scope)


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """Answer the icon."""
    return await WEB.get_response("icons/tower.svg", request.scope)


@router.get("/static/{name:path}")
async def asset(request: Request, name: str) -> Response:
    """Answer one file of the pages."""
    return await WEB.get_response(name, request.scope)


@router.get("/docs")
async def reference(request: Request, _who: Reader) -> Response:
    """Answer the description of the API for people; it reads /openapi.json."""
    return await REFERENCE.get_response("index.html", request.scope)


@router.get("/docs/{name}")
async def reference_asset(request: Request, name: str, _who: Reader) -> Response:
    """Answer one file of the description."""
    return await REFERENCE.get_response(name, request.scope)
