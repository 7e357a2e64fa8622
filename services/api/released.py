"""The pages as they stand in their folder now: linked, packed, and known by one name that every upgrade changes."""

import gzip
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from services.api.linking import Linked, link

LINKED = "linked"  # the folder under /static/ in which linked files are asked for, by build
DOCUMENTS = ("index.html", "wall.html")
_KEPT_TYPES = frozenset({".mjs", ".svg", ".png", ".webmanifest"})
_KEPT_ALONE = ("js/line-worker.js", "vendor/pmtiles.js", "vendor/uPlot.esm.js")  # scripts that are not linked
_STYLE = re.compile(r' *<link rel="stylesheet" href="/static/([^"]+)">\n')
_SCRIPT = re.compile(r' *<script type="module" src="/static/([^"]+)"></script>\n')


@dataclass(frozen=True)
class Text:
    """A file made here, as it is and packed."""

    text: str
    media_type: str

    @cached_property
    def plain(self) -> bytes:
        """Return it as bytes."""
        return self.text.encode()

    @cached_property
    def packed(self) -> bytes:
        """Return it as small as can be, once for all who ask."""
        return gzip.compress(self.plain, 9, mtime=0)

    @cached_property
    def digest(self) -> str:
        """Return what it is known by."""
        return hashlib.sha256(self.plain).hexdigest()[:32]


@dataclass(frozen=True)
class Release:
    """One state of the pages. `documents` and `linked` by file name; `kept`: paths that a phone keeps."""

    build: str
    documents: Mapping[str, Text]
    linked: Mapping[str, Text]
    kept: tuple[str, ...]


def present(folder: Path) -> Release:
    """Return the release that lies in the folder; made once for each state of it.

    Raises:
        LinkError: a module that cannot be linked.
    """
    times = [entry.stat().st_mtime_ns for entry in _walk(folder)]
    return _made(folder, max(times), len(times))


def _walk(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Yield the files of a folder: at every opening of a page, so with as few calls as can be."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _walk(entry.path)
            else:
                yield entry


@lru_cache(maxsize=2)
def _made(folder: Path, _newest_ns: int, _count: int) -> Release:
    build = _build(folder)
    documents, linked = {}, {}
    for document in DOCUMENTS:
        text, name = (folder / document).read_text(encoding="utf-8"), document.removesuffix(".html")
        (entry,) = _SCRIPT.findall(text)
        modules = link(folder, entry, name)
        styles = "\n".join((folder / path).read_text(encoding="utf-8") for path in _STYLE.findall(text))
        linked[f"{name}.css"] = Text(styles, "text/css")
        linked |= {file: Text(script, "text/javascript") for file, script in modules.files.items()}
        documents[document] = Text(_pointed(text, f"/static/{LINKED}/{build}/{name}", modules), "text/html")
    kept = (*(f"{LINKED}/{build}/{file}" for file in linked if file.startswith("index")), *_loose(folder))
    return Release(build, documents, linked, kept)


def _build(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def _pointed(document: str, address: str, modules: Linked) -> str:
    """Return the document with its styles and its script replaced by the linked ones."""
    heads = [f'<link rel="stylesheet" href="{address}.css">']
    heads += [f'<link rel="modulepreload" href="/static/{path}">' for path in modules.beside]
    heads.append(f'<script type="module" src="{address}.js"></script>')
    whole = "".join(f"  {line}\n" for line in heads)
    return _SCRIPT.sub("", _STYLE.sub("", document)).replace("</head>", f"{whole}</head>")


def _loose(folder: Path) -> list[str]:
    """Return what is kept as it lies there: what a page names by itself, and vendored libraries."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in _KEPT_TYPES)
    return [*(path.relative_to(folder).as_posix() for path in paths), *_KEPT_ALONE]
