"""Finds the servers of the embedded stack: PostgreSQL with TimescaleDB, and mosquitto with its plug-ins.

Called by `scripts/setup` (before `.venv` exists: standard library only) and by all that starts a server.
Promises: what it returns runs here; when nothing fits, the error says what was looked at and the cure.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOSQUITTO_MINIMUM = (2, 1, 2)  # the first release whose persist-sqlite survived our kill test
POSTGRES_MINIMUM = 15
TIMESCALEDB_MINIMUM = (2, 19)

CURE = "run `make setup` (it finds or builds both), or name a folder that holds them in FIRETOWER_STACK_PREFIX"


class BinariesMissingError(Exception):
    """No usable server was found; the message names what was looked at and the cure."""


@dataclass(frozen=True)
class PostgresBinaries:
    """One PostgreSQL installation that has TimescaleDB."""

    bin_dir: Path
    version: str
    timescaledb: str

    @property
    def major(self) -> str:
        """The version that a cluster's files belong to."""
        return self.version.split(".")[0]

    def program(self, name: str) -> str:
        """Full path of `initdb`, `postgres`, …."""
        return str(self.bin_dir / name)


@dataclass(frozen=True)
class MosquittoBinaries:
    """One mosquitto installation with the plug-ins that we need."""

    broker: Path
    clients: Path
    persist_sqlite: Path
    dynamic_security: Path
    version: str


def cache_dirs() -> list[Path]:
    """Where `scripts/setup` puts what it builds: the override, else the machine's, then the user's."""
    if override := os.environ.get("FIRETOWER_CACHE"):
        return [Path(override)]
    folders = [Path("/var/cache/firetower")]
    with suppress(RuntimeError):  # a user without a home, as in many containers
        folders.append(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "firetower")
    return folders


def _prefixes(pattern: str) -> Iterator[Path]:
    if override := os.environ.get("FIRETOWER_STACK_PREFIX"):
        yield Path(override)
    for folder in cache_dirs():
        try:
            yield from _newest_first(folder.glob(pattern))
        except OSError:  # another user's private cache
            continue
    yield Path("/usr/local")
    yield Path("/usr")


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    """By the numbers in their names: 15.20 is newer than 15.9."""
    return sorted(folders, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)], reverse=True)


def numbers(version: str) -> tuple[int, ...]:
    """A version as what can be compared."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _first_line(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except OSError:
        return None
    lines = (done.stdout or done.stderr).splitlines()
    return lines[0] if lines else None


def find_postgres(major: str = "") -> PostgresBinaries:
    """The first installation with a new enough server and TimescaleDB, of this major version if there is one.

    Raises:
        BinariesMissingError: none fits.
    """
    seen: list[str] = []
    other: PostgresBinaries | None = None
    for prefix in _prefixes("postgresql-*"):
        for bin_dir in (
            *(major_dir / "bin" for major_dir in _newest_first(prefix.glob("lib/postgresql/*"))),
            prefix / "bin",
            prefix / "pgsql/bin",
        ):
            if not (bin_dir / "initdb").exists():
                continue
            version = (_first_line(str(bin_dir / "postgres"), "--version") or "").partition("PostgreSQL) ")[2]
            shares = (prefix / "share/postgresql" / bin_dir.parent.name, bin_dir.parent / "share")
            timescaledb = _extension_version(shares)
            seen.append(f"{bin_dir}: PostgreSQL {version or '(does not run)'}, TimescaleDB {timescaledb or 'absent'}")
            if numbers(version)[:1] < (POSTGRES_MINIMUM,) or timescaledb is None:
                continue
            if numbers(timescaledb) >= TIMESCALEDB_MINIMUM:
                found = PostgresBinaries(bin_dir, version.split()[0], timescaledb)
                if major in ("", found.major):
                    return found
                other = other or found
    if other is not None:
        return other
    raise BinariesMissingError(_missing("PostgreSQL >= 15 with TimescaleDB >= 2.19", seen))


def _extension_version(shares: Iterable[Path]) -> str | None:
    for share in shares:
        for sub in ("extension", "postgresql/extension"):
            control = share / sub / "timescaledb.control"
            if control.exists():
                found = re.search(r"default_version\s*=\s*'([^']+)'", control.read_text())
                return found[1] if found else None
    return None


def find_mosquitto() -> MosquittoBinaries:
    """The first installation with a new enough broker, its clients and both plug-ins.

    Raises:
        BinariesMissingError: none fits.
    """
    seen: list[str] = []
    for prefix in _prefixes("mosquitto-*"):
        for broker in (prefix / "sbin/mosquitto", prefix / "bin/mosquitto"):
            if not broker.exists():
                continue
            version = (_first_line(str(broker), "-h") or "").partition("version ")[2]
            plugins = {
                name: next(prefix.glob(f"lib/**/mosquitto_{name}.so"), None)
                for name in ("persist_sqlite", "dynamic_security")
            }
            absent = [name for name, path in plugins.items() if path is None]
            clients = prefix / "bin"
            absent += [name for name in ("mosquitto_pub", "mosquitto_sub") if not (clients / name).exists()]
            seen.append(
                f"{broker}: {version or '(does not run)'}" + (f", without {', '.join(absent)}" if absent else "")
            )
            if numbers(version) < MOSQUITTO_MINIMUM or absent:
                continue
            persist, security = plugins["persist_sqlite"], plugins["dynamic_security"]
            if persist and security:
                return MosquittoBinaries(broker, clients, persist, security, version)
    raise BinariesMissingError(_missing("mosquitto >= 2.1.2 with persist-sqlite and dynamic-security", seen))


def _missing(what: str, seen: list[str]) -> str:
    looked = "; ".join(seen) if seen else "none installed"
    return f"{what} not found ({looked}): {CURE}"


def _main(names: list[str]) -> int:
    code = 0
    for name in names or ["postgres", "mosquitto"]:
        try:
            if name == "postgres":
                pg = find_postgres()
                print(f"PostgreSQL {pg.version} with TimescaleDB {pg.timescaledb} in {pg.bin_dir}")  # noqa: T201
            else:
                mq = find_mosquitto()
                print(f"mosquitto {mq.version} in {mq.broker.parent.parent}")  # noqa: T201
        except BinariesMissingError as missing:
            print(missing, file=sys.stderr)  # noqa: T201
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
