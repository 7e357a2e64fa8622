"""A release has one number, and everything that names it agrees."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app

ROOT = Path(__file__).parents[2]
NAMED_IN = ("pyproject.toml", "docker-compose.yml", "deploy/kustomization.yaml", "CHANGELOG.md")


def numbers(root: Path) -> dict[str, str | None]:
    """Return the number of the release as each file has it."""
    text = {name: (root / name).read_text() for name in NAMED_IN}
    ours = r'newName: firetower\n\s+newTag: "(.+)"'
    found = {
        "docker-compose.yml": re.search(r"firetower:([0-9.]+)\}", text["docker-compose.yml"]),
        "deploy/kustomization.yaml": re.search(ours, text["deploy/kustomization.yaml"]),
    }
    return {name: match and match[1] for name, match in found.items()} | {
        "pyproject.toml": tomllib.loads(text["pyproject.toml"])["project"]["version"]
    }


def test_every_file_names_the_same_release():
    assert len(set(numbers(ROOT).values())) == 1, numbers(ROOT)


def test_the_command_names_the_release_and_its_schema():
    newest = max(path.name[:4] for path in (ROOT / "migrations/versions").glob("*.sql"))
    said = CliRunner().invoke(app, ["--version"])
    assert said.exit_code == 0
    assert re.fullmatch(rf"firetower \d+\.\d+\.\d+, schema {newest}\n", said.output)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in (*NAMED_IN, "scripts/release", "scripts/common.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    git = ["git", "-C", tmp_path, "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True)
    for name, value in (("user.name", "t"), ("user.email", "t@localhost")):
        subprocess.run([*git, "config", name, value], check=True)
    return tmp_path


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_release_is_one_commit_with_its_number_everywhere_and_a_tag(checkout):
    done = run(checkout / "scripts/release", "7.8.9")
    assert done.returncode == 0, done.stderr
    assert set(numbers(checkout).values()) == {"7.8.9"}
    assert re.search(
        r"^## Unreleased\n\n## 7\.8\.9 - \d{4}-\d\d-\d\d$", (checkout / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    tagged = subprocess.run(
        ["git", "-C", checkout, "tag", "--points-at", "HEAD"], capture_output=True, text=True, check=True
    )
    assert tagged.stdout == "v7.8.9\n"
    again = subprocess.run([checkout / "scripts/release", "7.8.9"], capture_output=True, text=True, check=False)
    older = subprocess.run([checkout / "scripts/release", "7.8.8"], capture_output=True, text=True, check=False)
    assert again.returncode == older.returncode == 1
    assert "is older than 7.8.9" in older.stderr + older.stdout
