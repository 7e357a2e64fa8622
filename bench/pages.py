"""A report that a buyer can read: one HTML file with a verdict, the figures, and charts as SVG. Pure.

Called by `bench.soak` and `bench.overload`.
"""

from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]  # hours, value
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 200, 64, 24
_COLOURS = ("#0b5", "#06c", "#c30", "#850", "#609", "#088", "#c06", "#555", "#9a0")
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:780px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;width:100%}td,th{padding:.25em .6em;border-bottom:1px solid #ddd;text-align:left}
.good{color:#083}.bad{color:#b00;font-weight:bold}svg{width:100%;height:auto}text{font-size:11px;fill:#555}
h1{font-size:1.4em}h2{font-size:1.05em;margin-top:2em}"""


def page(title: str, lead: str, rows: Sequence[tuple[str, str, bool | None]], charts: Sequence[str]) -> str:
    """Return the document; a row is what, its figure, and whether it is as it should be (None: no target)."""
    words = {True: ("good", "as promised"), False: ("bad", "not as promised"), None: ("", "")}
    table = "".join(
        f'<tr><td>{escape(what)}</td><td>{escape(figure)}</td><td class="{words[good][0]}">{words[good][1]}</td></tr>'
        for what, figure, good in rows
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1><p>{escape(lead)}</p>"
        f"<table>{table}</table>{''.join(charts)}</html>\n"
    )


def chart(title: str, unit: str, series: Mapping[str, Points]) -> str:
    """Return one chart with a line for each series, from zero to the largest value."""
    shown = {name: points for name, points in series.items() if points}
    if not shown:
        return ""
    end = max(points[-1][0] for points in shown.values()) or 1.0
    top = max(max(value for _, value in points) for points in shown.values()) or 1.0
    wide, high = _WIDTH - _LEFT, _HEIGHT - _BOTTOM
    lines = []
    for number, points in enumerate(shown.values()):
        path = " ".join(f"{_LEFT + at / end * wide:.1f},{high - value / top * (high - 8):.1f}" for at, value in points)
        colour = _COLOURS[number % len(_COLOURS)]
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{path}"/>')
    legend = " ".join(
        f'<span style="color:{_COLOURS[number % len(_COLOURS)]}">&#9632; {escape(name)}</span>'
        for number, name in enumerate(shown)
    )
    return (
        f'<h2>{escape(title)}</h2><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<line x1="{_LEFT}" y1="{high}" x2="{_WIDTH}" y2="{high}" stroke="#bbb"/>'
        f'<text x="0" y="14">{top:,.4g} {escape(unit)}</text><text x="0" y="{high}">0</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">0 h</text>'
        f'<text x="{_WIDTH - 52}" y="{_HEIGHT - 6}">{end:.2f} h</text>{"".join(lines)}</svg><p>{legend}</p>'
    )
