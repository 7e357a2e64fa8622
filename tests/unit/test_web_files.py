"""The dashboard's files keep the page's security policy and the vendored libraries are what their list says."""

import hashlib
import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "services" / "api" / "web"
OWN = sorted(path for path in WEB.rglob("*") if path.is_file() and "vendor" not in path.parts)
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
PAGES = [path for path in OWN if path.suffix == ".html"]
STYLES = [path for path in OWN if path.suffix == ".css"]


def test_vendored_files_match_their_hashes():
    listed = dict(reversed(line.split()) for line in (WEB / "vendor" / "SHA256SUMS").read_text().splitlines())
    found = {path.name for path in (WEB / "vendor").iterdir() if path.suffix in {".js", ".mjs", ".css"}}
    assert found == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((WEB / "vendor" / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_hold_no_inline_script_or_style(page):
    text = page.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("path", [*PAGES, *SCRIPTS, *STYLES], ids=lambda path: str(path.relative_to(WEB)))
def test_nothing_is_fetched_from_another_origin(path):
    addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", path.read_text()))
    assert not addresses - {"//www.w3.org"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(WEB)))
def test_modules_stay_small_and_set_no_inline_style(script):
    text = script.read_text()
    assert len(text.splitlines()) < 300
    assert "style=" not in text
    assert "innerHTML" not in text


def test_every_import_names_a_file():
    for script in SCRIPTS:
        for target in re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""", script.read_text()):
            assert (script.parent / target).resolve().is_file(), f"{script.name}: {target}"


def test_every_word_exists_in_both_languages():
    def keys(name: str) -> list[str]:
        return re.findall(r'"([\w.]+)":\s*"', (WEB / "js" / "words" / name).read_text())

    for chinese, english in (("zh.js", "en.js"), ("zh-pages.js", "en-pages.js")):
        assert sorted(keys(chinese)) == sorted(keys(english))
        assert len(keys(chinese)) == len(set(keys(chinese)))


def test_every_word_asked_for_is_in_the_lists():
    known = set()
    for name in ("zh.js", "zh-pages.js"):
        known |= set(re.findall(r'"([\w.]+)":\s*"', (WEB / "js" / "words" / name).read_text()))
    asked = {key for script in SCRIPTS for key in re.findall(r"""\bt\(\s*["']([\w.]+)["']""", script.read_text())}
    assert asked <= known, asked - known
