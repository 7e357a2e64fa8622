"""The scripts of the shell work whatever the caller's shell was told: language, home, folders to change into."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# apt-cache as it is where Chinese is installed
APT_CACHE = """#!/bin/sh
case "${LC_ALL:-$LANG}${LANGUAGE:+.zh}" in
C | C.UTF-8) echo "  Depends: postgresql-15"; echo "  Depends: libpq5" ;;
*) echo "  依赖: postgresql-15"; echo "  依赖: libpq5" ;;
esac
"""


# An interpreter that answers what set-up asks, and makes a `.venv` with another of its kind
PYTHON = """#!/bin/sh
case "$*" in
"-m venv --clear .venv") echo made >>made; rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
esac
"""


def bash(command, tmp_path, **env):
    full = {"PATH": f"{tmp_path}:{os.environ['PATH']}"} | env
    return subprocess.run(["bash", "-c", command], env=full, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("language", [{"LANG": "zh_CN.UTF-8"}, {"LC_ALL": "C.UTF-8", "LANGUAGE": "zh_CN:zh"}])
def test_set_up_understands_apt_where_it_speaks_chinese(tmp_path, language):
    (tmp_path / "apt-cache").write_text(APT_CACHE)
    (tmp_path / "apt-cache").chmod(0o755)
    done = bash("set -eu; . scripts/common.sh; postgres_major; postgres_libraries", tmp_path, **language)
    assert done.stdout.split() == ["15", "libpq5"]


def test_set_up_without_a_home_says_which_setting_names_a_folder(tmp_path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = bash("set -eu; . scripts/common.sh; cache_dir", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: HOME is not set: name a folder for what is built in FIRETOWER_CACHE\n"


def test_packages_go_into_the_environment_whatever_pip_was_told(tmp_path):
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n")
    elsewhere = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_TARGET": str(tmp_path), "PYTHONHOME": "/nowhere"}
    install = f"{shlex.quote(sys.executable)} -m pip install --no-index --no-deps --dry-run pip"
    done = bash(f"set -eu; . scripts/common.sh; {install}", tmp_path, **elsewhere)
    assert "already satisfied" in done.stdout, done.stderr


def test_a_script_goes_to_its_own_checkout_and_not_to_one_of_cdpath(tmp_path):
    (tmp_path / "other/scripts").mkdir(parents=True)
    done = bash("bash scripts/production", tmp_path, CDPATH=str(tmp_path / "other"))
    assert "usage: scripts/production" in done.stderr
    scripts = [path for path in (ROOT / "scripts").iterdir() if 'cd "$(dirname' in path.read_text()]
    assert scripts
    assert [path.name for path in scripts if "\nCDPATH='' cd \"$(dirname" not in path.read_text()] == []


@pytest.mark.parametrize("what", ["gone", "another version"])
@pytest.mark.parametrize("kind", ["run", "tests"])
def test_an_environment_whose_python_an_upgrade_of_the_system_took_away_is_made_anew(tmp_path, what, kind):
    (tmp_path / "scripts").mkdir()
    for name in (
        "scripts/setup",
        "scripts/common.sh",
        *(path.name for path in ROOT.glob("requirements*.lock")),
        "pyproject.toml",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    run = f"bash {tmp_path}/scripts/setup"
    env = {"PYTHON": str(python)}
    assert bash(run, tmp_path, **env).returncode == 0
    stamp = tmp_path / ".venv/.stamp"
    stamp.write_text(stamp.read_text().replace("run ", f"{kind} "))
    assert bash(run, tmp_path, **env).returncode == 0
    assert (tmp_path / "made").read_text() == "made\n"  # quick when nothing changed
    ours = tmp_path / ".venv/bin/python"
    ours.unlink()
    if what == "gone":
        ours.symlink_to("/usr/bin/python3.1")
    else:
        ours.write_text("#!/bin/sh\nexit 1\n")  # it finds none of the packages
        ours.chmod(0o755)
    done = bash(run, tmp_path, **env)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made").read_text() == "made\nmade\n"
