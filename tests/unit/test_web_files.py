"""The dashboard's files keep the page's security policy and the vendored libraries are what their list says."""

import hashlib
import json
import re
import struct
import unicodedata
from pathlib import Path

import pytest

from services.api.prevention.report_page import STYLE
from services.api.request.roles import Role
from services.core.alarms.codes import CODES
from services.core.contracts import READING_FIELDS, READING_MODELS
from services.core.rules.catalog import RULES
from services.core.topics import Kind
from services.core.words import (
    Category,
    Confidence,
    DeviceStatus,
    Form,
    NoticeState,
    NoticeType,
    Severity,
    State,
    Verification,
)
from tests.support import contract_page

WEB = Path(__file__).parents[2] / "services" / "api" / "web"
OWN = sorted(path for path in WEB.rglob("*") if path.is_file() and "vendor" not in path.parts)
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
PAGES = [path for path in OWN if path.suffix == ".html"]
STYLES = [path for path in OWN if path.suffix == ".css"]
WORDS = WEB / "js" / "words"
MOST_LINES = 300
MOST_COLUMNS = 110


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


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES], ids=lambda path: str(path.relative_to(WEB)))
def test_files_stay_small_and_their_lines_can_be_read_side_by_side(path):
    lines = path.read_text().splitlines()
    assert len(lines) < MOST_LINES
    assert not [f"{n}: {line}" for n, line in enumerate(lines, 1) if _columns(line) > MOST_COLUMNS]


def _columns(line: str) -> int:
    """How wide a screen shows it: a Chinese character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1 for character in line)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(WEB)))
def test_no_time_is_that_of_the_browsers_zone(path):
    local = r"\.(?:get(?:Hours|Minutes|Date|Day|Month|FullYear)|toLocale(?:Date|Time)String)\(|new Date\([^()]+,"
    assert not re.findall(local, path.read_text()), "the county's clock is zone.js"


def test_every_style_is_linked_by_a_page_and_every_link_names_a_file():
    links = [href for page in PAGES for href in re.findall(r'"stylesheet" href="/static/([^"]+)"', page.read_text())]
    links.append(STYLE)  # of the page that is made for paper
    assert {WEB / href for href in links} >= set(STYLES)
    assert all((WEB / href).is_file() for href in links)


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_a_style_has_one_property_a_line(style):
    rules = re.sub(r"/\*.*?\*/", "", style.read_text(), flags=re.DOTALL)
    assert not [line for line in rules.splitlines() if re.search(r"[{};]\s*\S", line)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(WEB)))
def test_modules_set_no_inline_style(script):
    text = script.read_text()
    assert "style=" not in text
    assert "innerHTML" not in text


def test_every_import_names_a_file():
    for script in SCRIPTS:
        for target in re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""", script.read_text()):
            assert (script.parent / target).resolve().is_file(), f"{script.name}: {target}"


def _keys(table: Path) -> list[str]:
    return re.findall(r'"([\w.]+)":\s', table.read_text())


@pytest.mark.parametrize("chinese", sorted(WORDS.glob("zh*.js")), ids=lambda path: path.name)
def test_every_word_exists_in_both_languages_in_the_same_order(chinese):
    keys = _keys(chinese)
    assert keys == _keys(chinese.with_name(chinese.name.replace("zh", "en", 1)))
    assert len(keys) == len(set(keys))


def test_no_word_is_in_two_tables():
    keys = [key for table in WORDS.glob("zh*.js") for key in _keys(table)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("table", sorted(WORDS.glob("*.js")), ids=lambda path: path.name)
def test_a_table_has_one_word_a_line(table):
    crowded = [line for line in table.read_text().splitlines() if len(re.findall(r'"[\w.]+":\s', line)) > 1]
    assert not crowded


def _booleans():
    for model in READING_MODELS.values():
        for name, shape in model.model_json_schema()["properties"].items():
            if {"type": "boolean"} in shape.get("anyOf", ()):
                yield name


def slug(text: str) -> str:
    return re.sub(r"\W+", "_", text, flags=re.ASCII)


GB = re.compile(r"GB [0-9.-]+ [0-9.]+")  # a clause needs no words


LISTS = {
    "severity": Severity, "state": State, "confidence": Confidence, "verification": Verification, "category": Category,
    "kind": Kind, "role": Role, "form": Form, "status": DeviceStatus, "code": CODES, "notice": NoticeType,
    "notice_state": NoticeState, "field": [name for fields in READING_FIELDS.values() for name in fields],
    "bool": [f"{name}.{value}" for name in _booleans() for value in ("true", "false")],
    "param": {name for rule in RULES.values() for name in rule.parameters},
    "source": {
        slug(one.source) for rule in RULES.values() for one in rule.parameters.values() if not GB.fullmatch(one.source)
    },
    "reject": [contract_page.plain(row["reason"]) for row in contract_page.rows("Bad input", "reason")],
}  # fmt: skip


@pytest.mark.parametrize("group", LISTS)
def test_every_word_that_the_programs_use_is_said_in_both_languages(group):
    keys = {key for table in WORDS.glob("zh*.js") for key in _keys(table)}
    said = {key.removeprefix(f"{group}.") for key in keys if key.startswith(f"{group}.")}
    assert said == set(LISTS[group])


def test_every_problem_of_the_api_is_said_in_both_languages():
    api = WEB.parent
    codes = {
        code
        for path in api.rglob("*.py")
        for code in re.findall(r"""(?:Problem|render)\(\s*\d{3},\s*"(\w+)\"""", path.read_text())
    }
    said = {key.removeprefix("problem.") for table in WORDS.glob("zh*.js") for key in _keys(table)
            if key.startswith("problem.")}  # fmt: skip
    assert said == codes | {"unreachable", "timeout"}  # the page itself finds out about these


def test_times_are_written_by_the_tables_of_words_in_the_language_of_the_page():
    """A number and its unit in one template: `12 ms`, `${n} s`, `"30 min"`."""
    written = re.compile(r"""[}\d] (?:ms|s|min|h|d|/s)[`"']""")
    scripts = [script for script in SCRIPTS if not script.name.startswith("en")]
    wrong = [(script.name, line) for script in scripts for line in script.read_text().splitlines()
             if written.search(line)]  # fmt: skip
    assert not wrong


def test_no_script_repeats_a_list_of_the_programs():
    lists = re.findall(r"= (\[.*\]);", (WORDS / "lists.js").read_text())
    for script in SCRIPTS:
        assert script.name == "lists.js" or not [one for one in lists if one in script.read_text()], script


def test_every_imported_name_is_exported_there():
    for script in SCRIPTS:
        imports = re.findall(r"""^import \{([^}]*)\} from ["'](\.[^"']+)["']""", script.read_text(), re.MULTILINE)
        for names, target in imports:
            text = (script.parent / target).read_text()
            for name in re.findall(r"(\w+)(?: as \w+)?(?:,|\s*$)", names):
                own = re.search(rf"^export (?:async )?(?:const|function|class) {name}\b", text, re.MULTILINE)
                assert own or re.search(rf"^export \{{[^}}]*\b{name}\b", text, re.MULTILINE), f"{script.name}: {name}"


def test_every_exported_name_is_imported_somewhere():
    texts = {script: script.read_text() for script in SCRIPTS}
    for script, text in texts.items():
        for name in re.findall(r"^export (?:async )?(?:const|function|class) (\w+)", text, re.MULTILINE):
            used = any(re.search(rf"\b{name}\b", other) for path, other in texts.items() if path != script)
            assert used, f"{script.name}: {name}"


def test_every_word_asked_for_is_in_the_tables():
    known = {key for table in WORDS.glob("zh*.js") for key in _keys(table)}
    asked = {key for script in SCRIPTS for key in re.findall(r"""\bt\(\s*["']([\w.]+)["']""", script.read_text())}
    assert asked <= known, asked - known


def test_the_page_listens_for_what_the_stream_says_and_nothing_else():
    live = WEB.parent / "live"
    said = set(re.findall(r'publish\("(\w+)"', (live / "feed.py").read_text()))
    said |= {
        name
        for each in ("hub.py", "stream.py")
        for name in re.findall(r'b["\']event: (\w+)', (live / each).read_text())
    }
    names = re.search(r"^const NAMES = \[(.*)\];$", (WEB / "js" / "line.js").read_text(), re.MULTILINE)
    assert names
    assert set(re.findall(r"\w+", names[1])) == said
    stream = (WEB / "js" / "stream.js").read_text()
    heard = re.search(r"^const EVENTS = \{\n(.*?)^\};", stream, re.MULTILINE | re.DOTALL)
    assert heard
    assert set(re.findall(r"^  (\w+)[:(]", heard[1], re.MULTILINE)) == said


def _styled(sheet):
    """The classes that rules of a sheet style wherever they stand: no rule of a medium or below something else."""
    outside = re.sub(r"@[^{;]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL))
    selectors = (each.strip() for found in re.findall(r"([^{}]+)\{", outside) for each in found.split(","))
    return {each.removeprefix(".") for each in selectors if re.fullmatch(r"\.[\w-]+", each)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_class_is_styled_by_one_sheet_of_a_page(page):
    """Else the later sheet changes what another page looks like."""
    sheets = re.findall(r'href="/static/(css/[\w-]+\.css)"', page.read_text())
    styled = [(name, sheet) for sheet in sheets for name in sorted(_styled((WEB / sheet).read_text()))]
    names = [name for name, _ in styled]
    assert not [(name, sheet) for name, sheet in styled if names.count(name) > 1]


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_can_be_read_on_every_ground(theme):
    block = (WEB / "css" / "tokens.css").read_text().split(f'[data-theme="{theme}"]')[1].split("}")[0]
    tokens = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
    inks = ["ink", "ink-2", "ink-3", "accent", "critical", "major", "minor", "info", "ok", "off", "drill"]
    pairs = [(ink, ground) for ink in inks for ground in ("bg", "panel", "panel-2", "raise", f"{ink}-wash")]
    pairs += [("critical-ink", "critical-fill"), ("accent-ink", "accent"), ("map-label", "map-land")]
    faint = {}
    for ink, ground in pairs:
        if ground in tokens:
            dark, bright = sorted((_luminance(tokens[ink]), _luminance(tokens[ground])))
            ratio = (bright + 0.05) / (dark + 0.05)
            if ratio < 4.5:  # WCAG 2.2, 1.4.3
                faint[ink, ground] = round(ratio, 2)
    assert not faint


def test_a_phone_can_install_the_pages():
    manifest = json.loads((WEB / "manifest.webmanifest").read_text(encoding="utf-8"))
    assert manifest["display"] == "standalone"
    assert (manifest["start_url"], manifest["scope"]) == ("/", "/")
    assert 'rel="manifest" href="/static/manifest.webmanifest"' in (WEB / "index.html").read_text(encoding="utf-8")
    drawn = {}
    for icon in manifest["icons"]:
        file = WEB / icon["src"].removeprefix("/static/")
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", file.read_bytes()[16:24])
            assert icon["sizes"] == f"{width}x{height}", file.name
            drawn[width] = icon.get("purpose", "any")
    assert {192, 512} <= set(drawn)  # what Chromium asks for before it offers to install
