"""What a long run found: a verdict line by line, charts, and the report for people and for machines.

Called by `bench.soak` and `bench.overload`.
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench.callpoints import CallPoints
from bench.origin import origin
from bench.pages import page
from services.core.version import describe

FIRE_P99_TARGET_S = 3.0  # from confirmed to dispatch: GB 26875.1


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the verdict; `good` is None for a figure without a target."""

    what: str
    figure: str
    good: bool | None


@dataclass(slots=True)
class Findings:
    """The report of one run."""

    name: str  # of its files
    title: str
    asked: str  # what the run was, in words
    machine: Mapping[str, Any]
    lines: list[Line] = field(default_factory=list)
    charts: list[str] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def judge(self, what: str, figure: str, *, good: bool | None = None) -> None:
        """Add a line."""
        self.lines.append(Line(what, figure, good))

    def judge_fires(self, calls: CallPoints) -> None:
        """Add whether every call point was told, and how soon."""
        told, pressed = len(calls.told_s), len(calls.pressed_s)
        self.judge("call points told", f"{told} of {pressed}", good=told == pressed)
        p50, p99 = calls.percentile_s(0.5), calls.percentile_s(0.99)
        if p50 is not None and p99 is not None:
            what = f"pressed to told (target p99 {FIRE_P99_TARGET_S:g} s)"
            self.judge(what, f"p50 {p50:.2f} s, p99 {p99:.2f} s", good=p99 <= FIRE_P99_TARGET_S)

    def write(self, folder: Path) -> int:
        """Write both files, print the verdict, and return the exit code."""
        folder.mkdir(parents=True, exist_ok=True)
        host = self.machine
        lead = (
            f"{describe()}: {self.asked}. {host['cores']} cores, {host['memory_gb']} GB, load average"
            f" {host['load_average_before']} before; {time.strftime('%F')}."
        )
        rows = [(line.what, line.figure, line.good) for line in self.lines]
        (folder / f"{self.name}.html").write_text(page(self.title, lead, rows, self.charts))
        document = {
            "what": f"bench {self.name}",
            **origin(host),
            "asked": self.asked,
            "verdict": [{"what": what, "figure": figure, "good": good} for what, figure, good in rows],
            "samples": self.samples,
        }
        (folder / f"{self.name}.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
        for what, figure, good in rows:
            sys.stdout.write(f"{'! ' if good is False else '  '}{what}: {figure}\n")
        sys.stdout.write(f"{folder / self.name}.html, {folder / self.name}.json\n")
        return 1 if any(good is False for _, _, good in rows) else 0
