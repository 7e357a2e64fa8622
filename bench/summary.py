"""`firetower bench summary`: the last report of every long proof on one page that a buyer can read.

Called by the command line. Takes what is new in `reports/` over into `docs/reports/`, without the bulky series, and
writes `docs/reports/summary.html` from what is kept there. `cited.json` beside it has the figures of runs whose reports
are gone, as docs/bench.md keeps them. A proof that was never run to its end is said to be so.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import orjson

from bench.drawings import bars
from bench.pages import STYLE
from bench.proofs import PROOFS, Proof, Report, Row

CITED = "cited.json"
_BULKY = frozenset({"samples", "answers", "set_aside", "slowest", "kernel"})
_STATES = {True: ("good", "达到 held"), False: ("bad", "未达到 missed"), None: ("", "已测 measured")}
_MORE_STYLE = """nav td:last-child,td.state{white-space:nowrap}h3{font-size:1em;margin:2em 0 .2em}
h4{font-size:.9em;margin:1em 0 0;font-weight:normal}small{color:#555}.en{color:#555}section{break-inside:avoid}"""


_NAMED = {"at", "release", "commit", "machine"}  # what a figure must be shown with


@dataclass(frozen=True)
class Told:
    """What the page says of one proof: its rows and charts, when and on what they were found."""

    proof: Proof
    rows: Sequence[Row] = ()
    charts: Sequence[str] = ()
    conditions: str = ""
    source: str = ""  # a link
    note: str = ""  # of a proof that was not run to its end

    @property
    def state(self) -> tuple[str, str]:
        """The class and the words of its verdict."""
        if not self.rows:
            return "", "未跑 not run"
        verdicts = [row.good for row in self.rows if row.good is not None]
        return _STATES[all(verdicts) if verdicts else None]


def main(*, reports: Path = Path("reports"), kept: Path = Path("docs/reports")) -> int:
    """Keep what is new and write the page; 0."""
    for path in keep(reports, kept):
        sys.stdout.write(f"kept {path}\n")
    target = kept / "summary.html"
    target.write_text(summary(kept), encoding="utf-8")
    sys.stdout.write(f"{target}\n")
    return 0


def keep(reports: Path, kept: Path) -> Iterator[Path]:
    """Copy the reports of the proofs, small; yield where each went."""
    kept.mkdir(parents=True, exist_ok=True)
    for proof in PROOFS:
        for path in _files(reports, proof):
            document = orjson.loads(path.read_bytes())
            if not _NAMED.issubset(document):
                sys.stdout.write(f"left out {path}: it names no machine or commit; run it again\n")
                continue
            small = orjson.dumps(_without_bulk(document), option=orjson.OPT_INDENT_2) + b"\n"
            (kept / path.name).write_bytes(small)
            yield kept / path.name


def summary(kept: Path) -> str:
    """Return the page over what is kept."""
    cited: dict[str, Any] = orjson.loads((kept / CITED).read_bytes())
    told = [_told(proof, kept, cited) for proof in PROOFS]
    return _page(told, cited["fire_to_119"])


def _files(folder: Path, proof: Proof) -> list[Path]:
    return sorted(folder.glob(f"{proof.name}-*.json" if proof.many else f"{proof.name}.json"))


def _without_bulk(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _without_bulk(value) for name, value in found.items() if name not in _BULKY}
    return [_without_bulk(one) for one in found] if isinstance(found, list) else found


def _told(proof: Proof, kept: Path, cited: Mapping[str, Any]) -> Told:
    files = _files(kept, proof)
    if files:
        reports: list[Report] = [orjson.loads(path.read_bytes()) for path in files]
        rows = [row for report in reports for row in proof.read(report)]
        charts = [drawn for report in reports for drawn in proof.draw(report)]
        links = " ".join(f'<a href="{escape(path.name)}">{escape(path.name)}</a>' for path in files)
        return Told(proof, rows, charts, _conditions(reports[-1]), links)
    if proof.name in cited["proofs"]:
        old = cited["proofs"][proof.name]
        rows = [Row(*row) for row in old["rows"]]
        source = f'<a href="../bench.md#{escape(old["section"])}">docs/bench.md</a>'
        return Told(proof, rows, (), f"{old['at']}; {old['commit'] or 'commit not noted'}; {old['conditions']}", source)
    return Told(proof, note=cited["not_run"].get(proof.name, ""))


def _conditions(report: Report) -> str:
    host = report["machine"]
    return (
        f"{report['at'][:10]}; {report['release']}, commit {report['commit'] or 'not noted'}; {host['cores']} cores,"
        f" {host['memory_gb']} GB, load {host['load_average_before']}"
    )


def _page(told: Sequence[Told], fires: Sequence[Sequence[Any]]) -> str:
    overview = "".join(
        f'<tr><td><a href="#{one.proof.name}">{escape(one.proof.zh)}</a><br><small>{escape(one.proof.en)}</small></td>'
        f'<td>{escape(one.conditions.partition(";")[0])}</td><td class="state {one.state[0]}">{one.state[1]}</td></tr>'
        for one in told
    )
    title = "望火楼 Firetower：长期验证一览 · what the long proofs found"
    lead_zh = "每一项承诺、它的检验和最近一次运行的结果。数字只来自真实运行；没有跑完的如实注明。"
    lead_en = (
        "Each promise, its test and what its last run found. All figures are of real runs; what was not run to its end"
        " is said to be so. Every run shares its machine with the broker, the database and the load generator."
    )
    chart = bars(
        "按下手报到 119 接受 · call point pressed to accepted by 119, p50 and p99 (longest where there is no p99)",
        "s",
        [(str(label), float(seconds)) for label, seconds in fires],
    )
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}\n{_MORE_STYLE}</style><h1>{title}</h1>"
        f'<p>{lead_zh}</p><p class="en">{lead_en}</p><nav><table>{overview}</table></nav>{chart}'
        f"{''.join(map(_section, told))}</html>\n"
    )


def _section(told: Told) -> str:
    proof = told.proof
    rows = "".join(map(_line, told.rows))
    nothing = f"<p>还没有跑完：<code>{escape(proof.command)}</code> · not run to its end yet. {escape(told.note)}</p>"
    return (
        f'<section id="{proof.name}"><h3>{escape(proof.zh)} <span class="en">{escape(proof.en)}</span></h3>'
        f"<small>{escape(told.conditions)}{' · ' if told.conditions else ''}{told.source}{' · ' if told.source else ''}"
        f"<code>{escape(proof.command)}</code>, {escape(proof.test)}</small>"
        f"{f'<table>{rows}</table>' if rows else nothing}{''.join(told.charts)}</section>"
    )


def _line(row: Row) -> str:
    what = f"{escape(row.zh)}<br>" if row.zh else ""
    shade, words = _STATES[row.good] if row.good is not None else ("", "")
    return (
        f"<tr><td>{what}<small>{escape(row.en)}</small></td><td>{escape(row.figure)}</td>"
        f'<td class="state {shade}">{words}</td></tr>'
    )
