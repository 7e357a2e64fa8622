"""The pages and their assets, and the description of the API for people. Files only: no data is in them.

Promises to read nothing outside the two folders it names.
"""

import asyncio
import gzip
import hashlib
import json
import os
from functools import lru_cache
from http import HTTPStatus
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


_PACKED_TYPES = frozenset({".js", ".mjs", ".css", ".html", ".svg", ".webmanifest"})


@lru_cache(maxsize=512)
def _packed(path: Path, _modified_ns: int) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


def _packs(path: Path, scope: Scope) -> bool:
    """Whether the file travels compressed: as small as can be, once for all who ask. A part of it never does."""
    asked = Request(scope).headers
    return path.suffix in _PACKED_TYPES and "gzip" in asked.get("accept-encoding", "") and "range" not in asked


@lru_cache(maxsize=512)
def _etag(path: Path, _modified_ns: int) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'


class Files(StaticFiles):
    """The files of one folder. Their ETag is their content: a packed release gives every file the same time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer a file, compressed for who can read that."""
        response = await super().get_response(path, scope)
        if not isinstance(response, FileResponse) or response.status_code != HTTPStatus.OK:
            return response
        file, stat = Path(response.path), response.stat_result
        if stat is None or not _packs(file, scope):
            return response
        body = await asyncio.to_thread(_packed, file, stat.st_mtime_ns)
        kept = {name: response.headers[name] for name in ("etag", "cache-control", "vary", "content-type")}
        return Response(body, headers=kept | {"Content-Encoding": "gzip"})

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Answer a file, or 304 when the browser has it already."""
        path = Path(full_path)
        headers = {"ETag": _etag(path, stat_result.st_mtime_ns), "Cache-Control": "no-cache"}
        if path.suffix in _PACKED_TYPES:
            headers["Vary"] = "Accept-Encoding"
        if _packs(path, scope):
            headers["ETag"] = headers["ETag"][:-1] + '-gz"'
        kind = _TYPES.get(path.suffix)
        response = FileResponse(path, status_code, headers, media_type=kind, stat_result=stat_result)
        if self.is_not_modified(response.headers, Request(scope).headers):
            return NotModifiedResponse(response.headers)
        return response


_WEB = Path(__file__).parent / "web"
WEB = Files(directory=_WEB)
REFERENCE = Files(directory=Path(__file__).parent / "reference")
_KEPT_TYPES = frozenset({".js", ".mjs", ".css", ".svg", ".png", ".webmanifest"})
_NEVER_KEPT = frozenset({"sw.js"})
BUILD_HEADER = "Firetower-Build"


def _kept_files() -> list[Path]:
    """Return what a phone keeps of the pages: all of them but the wall's, which is no use without a network."""
    files = (path for path in sorted(_WEB.rglob("*")) if path.suffix in _KEPT_TYPES and path.name not in _NEVER_KEPT)
    return [path for path in files if path.parent.name != "wall"]


@lru_cache(maxsize=2)
def _digest(_newest_ns: int, _count: int) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in _WEB.rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(_WEB)}\n".encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def build() -> str:
    """Return what this state of the pages' files is known by: another one after every upgrade that changed any."""
    times = [path.stat().st_mtime_ns for path in _WEB.rglob("*") if path.is_file()]
    return _digest(max(times), len(times))


@router.get("/")
@router.get("/login")
async def dashboard(request: Request) -> Response:
    """Answer the dashboard; it asks for a login itself."""
    response = await WEB.get_response("index.html", request.scope)
    response.headers[BUILD_HEADER] = build()
    return response


@router.get("/static/sw.js")
async def service_worker() -> Response:
    """Answer the worker that opens the pages without a network. It names the build and the files that belong to it."""
    files = ["/", *(f"/static/{path.relative_to(_WEB).as_posix()}" for path in _kept_files())]
    head = f'const BUILD = "{build()}";\nconst FILES = {json.dumps(files)};\n'
    text = head + (_WEB / "js" / "sw.js").read_text(encoding="utf-8")
    headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/"}
    return Response(text, headers=headers, media_type="text/javascript")


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
