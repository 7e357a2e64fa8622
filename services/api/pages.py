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

from fastapi import APIRouter, HTTPException, Request
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from services.api.released import Release, Text, present
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
BUILD_HEADER = "Firetower-Build"
_FOR_EVER = "public, max-age=31536000, immutable"


async def _release() -> Release:
    return await asyncio.to_thread(present, _WEB)


async def _answered(request: Request, text: Text, build: str, cache: str = "no-cache") -> Response:
    """Answer a file that was made here, or 304 when the browser has it already."""
    packs = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "ETag": f'"{text.digest}{"-gz" if packs else ""}"',
        "Cache-Control": cache,
        "Vary": "Accept-Encoding",
        BUILD_HEADER: build,
    }
    if WEB.is_not_modified(Headers(headers), request.headers):
        return NotModifiedResponse(Headers(headers))
    if not packs:
        return Response(text.plain, headers=headers, media_type=text.media_type)
    body = await asyncio.to_thread(lambda: text.packed)
    return Response(body, headers=headers | {"Content-Encoding": "gzip"}, media_type=text.media_type)


@router.get("/")
@router.get("/login")
async def dashboard(request: Request) -> Response:
    """Answer the dashboard; it asks for a login itself."""
    release = await _release()
    return await _answered(request, release.documents["index.html"], release.build)


@router.get("/wall")
async def wall(request: Request) -> Response:
    """Answer the wall screen."""
    release = await _release()
    return await _answered(request, release.documents["wall.html"], release.build)


@router.get("/static/sw.js")
async def service_worker() -> Response:
    """Answer the worker that opens the pages without a network. It names the build and the files that belong to it."""
    release = await _release()
    files = ["/", *(f"/static/{path}" for path in release.kept)]
    head = f'const BUILD = "{release.build}";\nconst FILES = {json.dumps(files)};\n'
    text = head + (_WEB / "js" / "sw.js").read_text(encoding="utf-8")
    headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/"}
    return Response(text, headers=headers, media_type="text/javascript")


@router.get("/static/linked/{build}/{name}")
async def linked(request: Request, build: str, name: str) -> Response:
    """Answer one linked file. What is asked for by the name of another build may be kept by nobody.

    While an upgrade goes on behind a balancer, the server that is asked may not be the one that answered the page.
    """
    release = await _release()
    if name not in release.linked:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    cache = _FOR_EVER if build == release.build else "no-cache"
    return await _answered(request, release.linked[name], release.build, cache)


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
