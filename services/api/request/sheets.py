"""Lists as JSON or as CSV for spreadsheets: the same items, `limit` and `cursor`; a cell never becomes a formula.

The part that follows a CSV is named by its `Link: <…>; rel="next"` header (RFC 8288), as JSON names it by `next`.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Request
from starlette.responses import Response

from services.api.request.answers import encode
from services.api.request.fields import Flag
from services.api.request.paging import encode_cursor, page

_BYTE_ORDER_MARK = "\ufeff"
# What spreadsheets take for the beginning of a formula, of full width too (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Format(StrEnum):
    """How a list is written."""

    JSON = "json"
    CSV = "csv"


def safe_cell(value: Any) -> Any:
    """Return what stands in a cell. Numbers stay numbers; a text that could start a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and not isinstance(value, StrEnum):
        return f"'{value}" if value.startswith(FORMULA) else value
    return text_of(value)


def text_of(value: Any) -> str:
    """Return what is neither a number nor nothing as text."""
    if isinstance(value, date):
        return str(orjson.loads(encode(value)))
    if isinstance(value, Mapping | list | tuple | orjson.Fragment):
        return encode(value).decode()
    return str(value)


def flat(item: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return an item with its nested objects taken apart: `{"location": {"lon": 1}}` becomes `location_lon`."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}_")
        else:
            found[prefix + name] = value
    return found


def columns_of(items: Iterable[Mapping[str, Any]], first: Sequence[str]) -> list[str]:
    """Return the columns of flat items: those of `first` always, then every other in the order it is met."""
    return list(dict.fromkeys([*first, *(name for item in items for name in item)]))


class Sheet:
    """How the caller wants a list."""

    def __init__(
        self,
        request: Request,
        wanted: Annotated[
            Format, Query(alias="format", description="`csv`: the same items as a table; `Link` names the next part")
        ] = Format.JSON,
        bom: Annotated[
            Flag, Query(description="a byte order mark before the CSV, without which Excel misreads Chinese")
        ] = False,
    ) -> None:
        self._request, self._format, self._bom = request, wanted, bom

    def page(
        self,
        items: Sequence[Mapping[str, Any]],
        limit: int,
        keys: Sequence[Sequence[Any]],
        *,
        name: str,
        columns: Sequence[str],
        leave_out: frozenset[str] = frozenset(),
    ) -> Response:
        """Return one part of a list from up to `limit` + 1 items; `keys` are their places in the order.

        A table has at least `columns`, and besides what the items have, but for `leave_out`.
        """
        if self._format is Format.JSON:
            return page(items, limit, keys)
        rows = [flat({key: value for key, value in item.items() if key not in leave_out}) for item in items[:limit]]
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        if len(items) > limit:
            following = self._request.url.include_query_params(cursor=encode_cursor(keys[limit - 1]))
            headers["Link"] = f'<?{following.query}>; rel="next"'
        return Response(self._table(rows, columns_of(rows, columns)), headers=headers, media_type="text/csv")

    def _table(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
        text = io.StringIO()
        if self._bom:
            text.write(_BYTE_ORDER_MARK)
        writer = csv.writer(text)
        writer.writerow([safe_cell(name) for name in columns])
        writer.writerows([safe_cell(row.get(name)) for name in columns] for row in rows)
        return text.getvalue().encode("utf-8", "replace")


AsSheet = Annotated[Sheet, Depends()]
