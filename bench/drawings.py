"""Charts for people as SVG, beside the lines of `bench.pages`: bars to compare, a strip of what happened when. Pure.

Called by `bench.summary`.
"""

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _LEFT, _ROW = 720, 210, 20
_COLOUR, _BAD = "#06c", "#c30"


def bars(title: str, unit: str, values: Sequence[tuple[str, float]], *, target: float | None = None) -> str:
    """Return a bar for each value; a line stands at `target`, and what is above it is drawn in another colour."""
    if not values:
        return ""
    top = max([value for _, value in values] + ([target] if target is not None else [])) or 1.0
    wide, parts = _WIDTH - _LEFT - 90, []
    for number, (label, value) in enumerate(values):
        y, colour = number * _ROW, _BAD if target is not None and value > target else _COLOUR
        long = max(1.0, value / top * wide)
        parts.append(
            f'<text x="0" y="{y + 14}">{escape(label)}</text>'
            f'<rect x="{_LEFT}" y="{y + 4}" width="{long:.1f}" height="12" fill="{colour}"/>'
            f'<text x="{_LEFT + long + 6:.1f}" y="{y + 14}">{value:,.4g} {escape(unit)}</text>'
        )
    high = len(values) * _ROW + 4
    if target is not None:
        x = _LEFT + target / top * wide
        parts.append(f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{high}" stroke="{_BAD}" stroke-dasharray="4 3"/>')
    return _figure(title, high, parts)


def strip(title: str, rows: Mapping[str, Sequence[float]], end_s: float) -> str:
    """Return a row of marks for each name, where each mark stands at its second of the run."""
    if not rows or end_s <= 0:
        return ""
    wide, high, parts = _WIDTH - _LEFT - 10, len(rows) * _ROW + 18, []
    for number, (name, at_s) in enumerate(rows.items()):
        y = number * _ROW
        parts.append(f'<text x="0" y="{y + 14}">{escape(name)} ({len(at_s)})</text>')
        parts.append(f'<line x1="{_LEFT}" y1="{y + 10}" x2="{_WIDTH - 10}" y2="{y + 10}" stroke="#ddd"/>')
        parts += [
            f'<rect x="{_LEFT + one / end_s * wide - 1:.1f}" y="{y + 4}" width="2" height="12" fill="{_BAD}"/>'
            for one in at_s
        ]
    parts.append(f'<text x="{_LEFT}" y="{high - 2}">0 s</text>')
    parts.append(f'<text x="{_WIDTH - 50}" y="{high - 2}">{end_s:,.0f} s</text>')
    return _figure(title, high, parts)


def _figure(title: str, high: float, parts: Sequence[str]) -> str:
    return (
        f'<h4>{escape(title)}</h4><svg viewBox="0 0 {_WIDTH} {high}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
