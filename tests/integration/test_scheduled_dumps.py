"""The scheduled copies of containers: deploy/timescale/copies.sh against a real database, as its programs' role."""

import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from stack.binaries import find_postgres
from stack.postgres import SUPERUSER
from tests.support.scratch import scratch_dir
from tests.support.servers import until

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy/timescale/copies.sh"
SERVICE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["copies"]
PATIENCE_S = 60
DAY_S = 86_400


class Copies:
    """A folder of copies of one database, and the script over it."""

    def __init__(self, dsn: str) -> None:
        self.folder = scratch_dir()
        at = urlsplit(dsn)
        self.env = {
            "PATH": f"{find_postgres().bin_dir}:/usr/bin:/bin", "COPIES_DIR": str(self.folder), "PGHOST": at.hostname,
            "PGPORT": str(at.port), "PGUSER": at.username, "PGPASSWORD": at.password or "", "PGDATABASE": at.path[1:],
        }  # fmt: skip

    @property
    def dumps(self) -> list[Path]:
        return sorted(self.folder.glob("firetower-*.dump"))

    def age(self, name: str, age_s: float) -> Path:
        """Put a copy there that was made so long ago."""
        path = self.folder / name
        path.write_text("made before")
        path.with_name(f"{name}.version").write_text("2.19.3\n")
        os.utime(path, (time.time() - age_s,) * 2)
        return path

    def is_healthy(self) -> bool:
        return subprocess.run(["sh", SCRIPT, "healthy"], env=self.env, check=False).returncode == 0

    @contextmanager
    def running(self, **env: str):
        log = self.folder / "log"
        with log.open("wb") as out, subprocess.Popen(["sh", SCRIPT], env=self.env | env, stdout=out, stderr=out) as it:
            try:
                yield it, log.read_text
            finally:
                it.terminate()


@pytest.fixture
def copies(postgres):
    dsn = postgres.create_database()
    made = Copies(dsn)
    yield made
    shutil.rmtree(made.folder)
    postgres.drop_database(dsn)


def test_a_dump_is_made_at_once_by_the_programs_role_and_restores(copies, postgres):
    postgres.sql("update area set name = '又一镇' where code = '140931100'", copies.env["PGDATABASE"])
    assert not copies.is_healthy()
    with copies.running():
        until(lambda: copies.dumps, what="a copy", timeout_s=PATIENCE_S)
    assert copies.is_healthy()
    [dump] = copies.dumps
    assert dump.stat().st_mode & 0o077 == 0
    assert dump.with_name(f"{dump.name}.version").read_text().strip().count(".") == 2
    assert list(copies.folder.glob("*.part")) == []
    binaries, target = find_postgres(), postgres.create_database(migrated=False)
    name, version = target.rpartition("/")[2], dump.with_name(f"{dump.name}.version").read_text().strip()
    postgres.sql(f"create extension timescaledb version '{version}'", name)
    postgres.sql("select timescaledb_pre_restore()", name)
    password = json.loads((postgres.folder / "secrets.json").read_text())["postgres_admin"]
    superuser = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{postgres.port}/{name}"
    subprocess.run([binaries.program("pg_restore"), "--exit-on-error", "-d", superuser, str(dump)], check=True)
    postgres.sql("select timescaledb_post_restore()", name)
    assert "又一镇" in postgres.sql("select name from area", name)


def test_a_new_start_makes_no_other_copy_before_its_time_and_the_oldest_go(copies):
    young = copies.age("firetower-20261130T000000Z.dump", DAY_S - 600)
    with copies.running() as (process, said):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert (copies.dumps, said()) == ([young], "")
    for day in range(2, 5):
        copies.age(f"firetower-2026110{day}T000000Z.dump", day * DAY_S)
    young.unlink()
    with copies.running(FIRETOWER_BACKUP_KEEP="2") as (_, said):
        until(lambda: said().count("removed") == 2, what="the oldest are gone", timeout_s=PATIENCE_S)
    oldest, _newest = copies.dumps
    assert oldest.name == "firetower-20261102T000000Z.dump"
    assert {path.name for path in copies.folder.glob("*.version")} >= {f"{path.name}.version" for path in copies.dumps}


def test_a_copy_that_a_wrong_clock_made_holds_up_no_other(copies):
    far = copies.age("firetower-20700101T000000Z.dump", -9999 * DAY_S)
    assert not copies.is_healthy()
    with copies.running(FIRETOWER_BACKUP_KEEP="1") as (_, said):
        until(lambda: "removed" in said(), what="made, and the other one gone", timeout_s=PATIENCE_S)
    assert len(copies.dumps) == 1
    assert copies.dumps != [far]


def test_what_fails_leaves_nothing_that_looks_like_a_copy_and_takes_no_other_one_away(copies):
    old = copies.age("firetower-20261101T000000Z.dump", 3 * DAY_S)
    with copies.running(PGDATABASE="nowhere", FIRETOWER_BACKUP_KEEP="1") as (_, said):
        until(lambda: "no copy was made" in said(), what="it says so", timeout_s=PATIENCE_S)
    assert copies.dumps == [old]
    assert list(copies.folder.glob("*.part")) == []
    assert not copies.is_healthy()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "inf", "a day"])
def test_hours_that_are_none_end_it_with_one_line(copies, value):
    env = copies.env | {"FIRETOWER_BACKUP_EVERY_H": value}
    done = subprocess.run(["sh", SCRIPT], env=env, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert done.stderr == f"copies: FIRETOWER_BACKUP_EVERY_H: '{value}' is no whole number from 1 to 99999\n"


def test_the_service_takes_the_image_of_the_database_and_sees_nothing_but_its_folder():
    database = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["database"]
    assert (SERVICE["image"], SERVICE["user"]) == (database["image"], database["user"])
    assert SERVICE["networks"] == ["inside"]
    assert SERVICE["volumes"] == [
        "./deploy/timescale/copies.sh:/etc/firetower/copies.sh:ro",
        "${FIRETOWER_BACKUP_DIR:-copies}:/var/lib/postgresql/data",
    ]
