"""Modules linked for a page: run once, in order, shared with what comes later; unknown forms are refused."""

import re
from pathlib import Path

import pytest

from services.api import pages, released
from services.api.linking import LinkError, link
from services.api.prevention.report_page import STYLE

WEB = Path(pages.__file__).parent / "web"


@pytest.fixture
def folder(tmp_path):
    def write(**texts: str) -> Path:
        for name, text in texts.items():
            (tmp_path / f"{name}.js").write_text(text)
        return tmp_path

    return write


def test_a_module_becomes_a_function_after_those_it_needs(folder):
    files = link(
        folder(
            main='import { a, b as c } from "./one.js";\nimport * as all from "./one.js";\nc(all);\n',
            one='import lib from "./vendor/lib.mjs";\nexport const a = lib;\nexport async function b() {}\n',
        ),
        "main.js",
        "page",
    )
    assert files.beside == ("vendor/lib.mjs",)
    assert files.files == {
        "page.js": 'import * as $vendor_lib from "/static/vendor/lib.mjs";\n'
        "// one.js\nconst $one = (() => {\nconst lib = $vendor_lib.default;\n"
        "const a = lib;\nasync function b() {}\n\nreturn { a, b };\n})();\n"
        "// main.js\nconst $main = (() => {\nconst { a, b: c } = $one;\nconst all = $one;\n"
        "c(all);\n\nreturn {  };\n})();\n"
        "export { $one, $main };\n"
    }


def test_what_is_imported_later_shares_the_modules_that_are_there_and_those_of_two_stand_alone(folder):
    modules = folder(
        main='import { store } from "./store.js";\nimport("./x.js");\nimport("./y.js");\n',
        store="export const store = {};\n",
        x='import { store } from "./store.js";\nimport { chart } from "./chart.js";\nexport const x = [store];\n',
        y='export { chart } from "./chart.js";\n',
        chart="export const chart = 1;\n",
    )
    files = link(modules, "main.js", "page").files
    assert list(files) == ["page.js", "page-chart.js", "page-x.js", "page-y.js"]
    assert 'import("./page-x.js").then((file) => file.$x);' in files["page.js"]
    needs = ['import { $store } from "./page.js";', 'import { $chart } from "./page-chart.js";']
    assert files["page-x.js"].splitlines()[:2] == needs
    assert "const { chart } = $chart;\n\nreturn { chart };" in files["page-y.js"]


@pytest.mark.parametrize(
    "text",
    [
        "export default 1;\n",
        "export let a = 1;\n",
        'import "./a.js";\n',
        "await 1;\n",
        "import(`./${x}.js`);\n",
        'import { a } from "./main.js";\n',
    ],
)
def test_what_cannot_be_linked_is_refused_by_name(folder, text):
    with pytest.raises(LinkError, match=r"main\.js"):
        link(folder(main=text, a=""), "main.js", "page")


def test_every_module_and_every_style_of_the_pages_is_in_a_linked_file():
    release = released.present(WEB)
    texts = "".join(file.text for file in release.linked.values())
    own = {path.relative_to(WEB).as_posix() for path in (WEB / "js").rglob("*.js")}
    assert own - set(re.findall(r"^// (js/\S+\.js)$", texts, re.MULTILINE)) == {"js/sw.js", "js/line-worker.js"}
    for style in set((WEB / "css").glob("*.css")) - {WEB / STYLE}:  # of the page for paper, which links it alone
        assert style.read_text() in texts


def test_what_a_phone_keeps_is_there():
    release = released.present(WEB)
    for path in release.kept:
        assert (WEB / path).is_file() or path.removeprefix(f"linked/{release.build}/") in release.linked, path
