"""The same documents as pages that a person reads: headings, lists, tables, links. Pure; no script.

Promises that whatever a device or a person wrote is text on the page and nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

STYLES = ("/static/css/tokens.css", "/static/css/base.css", "/static/css/controls.css")
_SKIPPED = ("self", "alternate")


def page(root: str, title: str, *parts: str) -> str:
    """Return a page; `root` is the address that the client used for the server."""
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    style = "".join(f'<link rel="stylesheet" href="{escape(root + one)}">' for one in STYLES)
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="zh-CN"><head>{head}<title>{escape(title)}</title>{style}</head>\n'
        f"<body><main>\n<h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n"
    )


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>"


def links(found: Iterable[Mapping[str, str]]) -> str:
    """Return links as a list; those to `f=json` lead to the page instead."""
    rows = "".join(
        f'<li><a href="{escape(one["href"].replace("f=json", "f=html"))}" rel="{escape(one["rel"])}">'
        f"{escape(one['title'])}</a> <small>{escape(one['rel'])}</small></li>"
        for one in found
        if one["rel"] not in _SKIPPED
    )
    return f"<ul>{rows}</ul>"


def source(found: Iterable[Mapping[str, str]]) -> str:
    """Return the link to the document behind the page."""
    own = next((one["href"] for one in found if one["rel"] == "self"), "")
    return f'<p><a href="{escape(own)}">JSON</a></p>'


def table(rows: Sequence[Mapping[str, Any]], hrefs: Sequence[str]) -> str:
    """Return features as a table; `hrefs` are the addresses of their own pages."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        f'<tr><td><a href="{escape(href)}">#</a></td>'
        + "".join(f"<td>{_text(row.get(name))}</td>" for name in names)
        + "</tr>"
        for row, href in zip(rows, hrefs, strict=True)
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def facts(row: Mapping[str, Any]) -> str:
    """Return one feature's properties, a line each."""
    body = "".join(f"<tr><th>{escape(name)}</th><td>{_text(value)}</td></tr>" for name, value in row.items())
    return f"<table><tbody>{body}</tbody></table>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是 yes" if value else "否 no"
    return escape(str(value))
