"""The monthly report as a page that prints on A4: headings and tables, no script. Pure.

Promises that whatever a person wrote is text on the page and nothing else.
"""

from html import escape
from typing import Final

from services.api.prevention.report_tables import Cell, Table
from services.api.request.fields import Language

STYLE: Final = "css/report.css"
_STATIC: Final = "../../../static"  # from where the page is, whatever stands before it behind a proxy
_NOTHING: Final = ("无", "none")
_MORE: Final = ("另有 {n} 行，见工作簿", "{n} more rows are in the workbook")


def report_page(title: str, facts: str, tables: list[Table], lang: Language) -> str:
    """Return the page."""
    body = "\n".join(_section(table, 0 if lang is Language.ZH else 1) for table in tables)
    locale = "zh-CN" if lang is Language.ZH else "en"
    return (
        f'<!doctype html>\n<html lang="{locale}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{_STATIC}/{STYLE}"></head>\n'
        f"<body><main>\n<h1>{escape(title)}</h1>\n<p>{escape(facts)}</p>\n{body}\n</main></body></html>\n"
    )


def _section(table: Table, at: int) -> str:
    if not table.rows:
        return f"<section><h2>{escape(table.title)}</h2><p>{_NOTHING[at]}</p></section>"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.headings)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows[: table.most])
    left = len(table.rows) - table.most
    more = f"<p>{_MORE[at].format(n=left)}</p>" if left > 0 else ""
    return (
        f"<section><h2>{escape(table.title)}</h2>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}</section>"
    )


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    shown = "—" if value is None else f"{value:.10g}"
    return f'<td class="num">{shown}</td>'
