"""The documents point at things that exist and leave out no setting, metric or decision."""

import re
from pathlib import Path

import pytest

from services.core.settings import AlertsSettings, ApiSettings, BackupSettings, GatewaySettings, IngestSettings
from tests.support.exported import exported

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("decisions/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_operations_name_every_setting():
    text = (DOCS / "operations.md").read_text()
    for program in (IngestSettings, AlertsSettings, ApiSettings, GatewaySettings, BackupSettings):
        for field in program.model_fields:
            assert f"`{field.upper()}`" in text, field


def test_what_a_proxy_is_to_read_can_be_read_by_it():
    """A remark that is wrapped is an instruction that nginx does not know, and it does not start."""
    text = (DOCS / "operations.md").read_text()
    blocks = [block for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if "# nginx" in block]
    assert blocks
    for block in blocks:
        for line in (line.partition("#")[0].strip() for line in block[block.index("# nginx") :].splitlines()):
            assert not line or line[-1] in ";{}", line


def test_documents_name_only_metrics_that_exist():
    names = {name.removesuffix("_total") for name in exported()}
    names |= {name.removesuffix("_count") for name in names}
    for page in PAGES:
        for name in re.findall(
            r"\bfiretower_(?:ingest|mqtt|broker|alerts?|alarms?|notices?|gateway|api)_\w+", page.read_text()
        ):
            assert name.removesuffix("_total") in names, f"{page.name}: {name}"


def test_the_index_of_decisions_is_whole():
    index = (DOCS / "decisions/README.md").read_text()
    for decision in DOCS.glob("decisions/0*.md"):
        assert f"({decision.name})" in index, decision.name


def test_the_two_readmes_lead_to_the_same_places():
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))
    links = [set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.zh-CN.md"} for text in (english, chinese)]
    assert links[0] == links[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_of_ours_that_is_named_exists(page):
    for name in re.findall(
        r"`((?:tests|services|simulators|stack|scripts|deploy|bench|docs)/[\w./*-]+)`", page.read_text()
    ):
        made_later = name.startswith(("deploy/secrets", "deploy/maps", "deploy/codes"))
        assert made_later or list(ROOT.glob(name)), name


def test_every_test_that_is_named_beside_its_file_exists():
    tests = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    for page in DOCS.glob("*.md"):
        text = page.read_text()
        named = re.findall(r"`(?:tests/[\w/]*/)?(test_\w+\.py)::(\w+)`", text)
        for file, listed in re.findall(r"`(?:tests/[\w/]*/)?(test_\w+\.py)`:\s+((?:`\w+`(?:,\s+)?)+)", text):
            named += [(file, name) for name in re.findall(r"`(\w+)`", listed)]
        for file, name in named:
            wanted = re.compile(rf"def (test_\w*)?{name}")
            assert any(wanted.search(tests[path]) for path in tests if path.name == file), (
                f"{page.name}: {file}: {name}"
            )
