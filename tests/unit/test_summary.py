"""The page over the long proofs says what its kept reports say, and nothing that is not there."""

import re
import socket
from pathlib import Path

import orjson
import pytest

from bench.drawings import bars, strip
from bench.proofs import PROOFS
from bench.summary import CITED, keep, summary

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs/reports"


def test_the_page_in_the_repository_is_made_of_the_reports_beside_it():
    assert summary(KEPT) == (KEPT / "summary.html").read_text(), "run `firetower bench summary`"


def test_each_proof_names_a_test_and_each_citation_a_section_of_the_bench_page():
    for proof in PROOFS:
        assert (ROOT / proof.test).exists(), proof.test
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/bench.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
    cited = orjson.loads((KEPT / CITED).read_bytes())
    names = {proof.name for proof in PROOFS}
    assert {one["section"] for one in cited["proofs"].values()} <= anchors
    assert cited["proofs"].keys() | cited["not_run"].keys() <= names


def test_no_machine_and_no_folder_is_named_and_all_of_it_is_small():
    for path in KEPT.iterdir():
        text = path.read_text()
        for word in (socket.gethostname(), str(Path.cwd()), "/tmp/", "/root/", "/home/", "/dev/shm"):  # noqa: S108
            assert word not in text, f"{path.name}: {word}"
        assert len(text) < 100_000, path.name


def test_a_new_report_is_kept_without_its_series_and_shown_with_its_verdict(tmp_path):
    reports, kept = tmp_path / "reports", tmp_path / "kept"
    reports.mkdir()
    kept.mkdir()
    (kept / CITED).write_bytes(orjson.dumps({"fire_to_119": [], "not_run": {"overload": "too <short>"}, "proofs": {}}))
    report = {
        "at": "2026-11-29T05:00:00+00:00", "release": "firetower 1", "commit": "abc", "samples": [1] * 1000,
        "machine": {"cores": 2, "memory_gb": 4, "load_average_before": 0.5, "kernel": "secret"},
        "verdict": [{"what": "api: memory", "figure": "rose & rose", "good": False}],
    }  # fmt: skip
    (reports / "soak.json").write_bytes(orjson.dumps(report))
    (reports / "overload.json").write_bytes(orjson.dumps(report | {"commit": "def"}).replace(b'"machine"', b'"host"'))
    [path] = keep(reports, kept)
    assert "samples" not in orjson.loads(path.read_bytes())
    assert "kernel" not in path.read_text()
    page = summary(kept)
    assert "rose &amp; rose" in page
    assert "2026-11-29; firetower 1, commit abc; 2 cores, 4 GB, load 0.5" in page
    assert page.count("未达到 missed") == 2
    assert page.count("未跑 not run") == len(PROOFS) - 1
    assert "too &lt;short&gt;" in page


@pytest.mark.parametrize("drawn", [bars("x", "s", []), strip("x", {}, 10), strip("x", {"a": [1.0]}, 0)])
def test_of_nothing_no_chart_is_drawn(drawn):
    assert drawn == ""


def test_what_is_above_its_target_is_drawn_in_another_colour():
    drawn = bars("back", "s", [("1 & 2", 12.0), ("3", 31.0)], target=30)
    assert drawn.count("#c30") == 2  # the bar and the line of the target
    assert "1 &amp; 2" in drawn
    assert strip("kills", {"api": [1.0, 2.0]}, 10).count("<rect") == 2
