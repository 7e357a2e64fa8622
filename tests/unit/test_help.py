"""The help names only what is on the pages: words of their tables that a page asks for, links to pages that exist."""

import re
from pathlib import Path

import pytest

JS = Path(__file__).parents[2] / "services" / "api" / "web" / "js"
TABLES = {language: JS / "words" / f"{language}-help.js" for language in ("zh", "en")}
WORDS = {key for table in (JS / "words").glob("zh*.js") for key in re.findall(r'"([\w.]+)":\s', table.read_text())}
NAME = re.compile(r"\[\[([^\]|]*)(?:\|([^\]]*))?\]\]")
SERVED = {"/docs"}  # by the API, beside the pages
SCRIPTS = "".join(path.read_text() for path in JS.rglob("*.js") if path.parent.name not in {"words", "help"})


def _named(language: str) -> list[tuple[str, str]]:
    text = re.sub(r'"\s*\+\s*"', "", TABLES[language].read_text())  # a sentence may stand on several lines
    return NAME.findall(text.partition("export const")[2])


def _listed(file: str, name: str) -> set[str]:
    """Return the names in a list or table of a script: `const TABS = ["a", …]`, `[["a", …], …]`, `{a: …, "b": …}`."""
    text = (JS / file).read_text().partition(f"\nconst {name} = ")[2]
    assert text, f"{file}: {name}"
    text = text[: text.index(";\n") if text[0] == "[" else text.index("\n};")]
    rows = re.findall(r'^ {2}\[?"?([\w-]+)"?[,:]', text, re.MULTILINE)
    return set(rows or re.findall(r"[\w-]+", text))


def _pages() -> set[str]:
    pages = _listed("main.js", "LATER") | {"desk"}
    pages |= {f"desk/{tab}" for tab in _listed("desk/page.js", "TABS")}
    return pages | {f"admin/{tab}" for tab in _listed("admin/page.js", "TABS") | _listed("admin/page.js", "BEHIND")}


def _is_asked_for(key: str) -> bool:
    """Whether a page shows the word: by its key, by a key put together, or as a word of a closed list."""
    group = key.rpartition(".")[0]
    return f'"{key}"' in SCRIPTS or f"`{group}.${{" in SCRIPTS or f'word("{group}"' in SCRIPTS


@pytest.mark.parametrize("language", TABLES)
def test_every_name_in_the_help_is_on_a_page(language: str) -> None:
    named = _named(language)
    assert len(named) > 30
    assert not {key for key, _ in named if key not in WORDS}
    assert not {key for key, _ in named if not _is_asked_for(key)}


@pytest.mark.parametrize("language", TABLES)
def test_every_link_in_the_help_leads_to_a_page(language: str) -> None:
    linked = {path for _, path in _named(language) if path}
    assert {"admin/start", "water", "/docs"} <= linked
    assert linked - _pages() == SERVED


def test_both_languages_name_and_link_the_same() -> None:
    assert set(_named("zh")) == set(_named("en"))


def test_the_pages_that_the_test_knows_are_those_of_the_scripts() -> None:
    assert {"desk/handover", "admin/people", "admin/start", "map", "help"} <= _pages()
    assert "admin/nowhere" not in _pages()
