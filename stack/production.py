"""`scripts/production`: passwords, broker accounts and a certificate for docker-compose.yml, made on the spot.

Called by people, once per installation (standard library and openssl only). Promises: overwrites nothing (`--files`,
`--certificate` and `--accounts` alone write their files anew); secrets are random and readable by their owner; the
account that can act as every device is made only for a demo.
"""

import argparse
import base64
import json
import os
import re
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stack.accounts import FLEET, PROVISIONER, SERVICES, accounts_file

_MOST_DAYS = 3650
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_SINCE = datetime(2026, 11, 1, tzinfo=UTC)  # a machine without a battery begins in 1970
_MOST_LETTERS = 64  # of a certificate's common name, RFC 5280 appendix A
_QUOTED = re.compile(r"""(["'])(.*?)\1(\s|$)""")
_RENEWED = (
    "made deploy/secrets/server.key and server.crt anew; devices trust the same ca.crt as before\n"
    "next: docker compose restart broker   and where devices dial another name now, FIRETOWER_DEVICE_MQTT_URL in .env\n"
)
MOUNTED = ("mosquitto", "timescale", "maps", "codes", "prometheus", "grafana")
"""Folders of `deploy/` that containers read."""
AS_FILES = (
    "FIRETOWER_DATABASE_URL",
    "FIRETOWER_MQTT_URL",
    "FIRETOWER_MQTT_PROVISIONER_URL",
    "FIRETOWER_DISPATCH_SECRET",
)

_URL_OF = {
    SERVICES: "FIRETOWER_MQTT_URL",
    PROVISIONER: "FIRETOWER_MQTT_PROVISIONER_URL",
    FLEET: "FIRETOWER_DEMO_MQTT_URL",
}
_ACCOUNTS = "gave the accounts in {} the passwords of .env; next: copy it back (docs/operations.md, section 8)\n"


def make_certificate(folder: Path, hostname: str) -> None:
    """An authority of our own and a server certificate for `hostname`: devices trust `ca.crt`.

    Raises:
        CalledProcessError: openssl refused.
    """
    authority = ("-x509", "-days", str(_MOST_DAYS), "-subj", "/CN=Firetower authority")
    _openssl(folder, "req", *_NEW_KEY, *authority, "-keyout", "ca.key", "-out", "ca.crt")
    _sign(folder, [hostname], _MOST_DAYS)


def renew_certificate(root: Path, hostnames: Sequence[str]) -> None:
    """Make key and certificate of the broker anew, for these names, by the authority that devices trust already.

    Raises:
        ValueError: a name cannot be certified, or the authority's key is not here, or its own time is over.
        OSError, CalledProcessError: it cannot be done now; what was there stays.
    """
    folder, names = root / "deploy/secrets", [check_hostname(name) for name in hostnames]
    for name in ("ca.crt", "ca.key"):
        if not (folder / name).exists():
            raise ValueError(
                f"{folder / name} is not here: put it back from where you keep it; devices trust no other authority"
            )
    told = _openssl(folder, "x509", "-in", "ca.crt", "-noout", "-enddate").strip().removeprefix("notAfter=")
    days = int((ssl.cert_time_to_seconds(told) - time.time()) // 86400)
    if days < 1:
        raise ValueError(f"the authority {folder / 'ca.crt'} ended at {told}: devices have to be given a new one")
    with tempfile.TemporaryDirectory(dir=folder) as made:
        for name in ("ca.crt", "ca.key"):
            shutil.copy(folder / name, made)
        _sign(Path(made), names, min(days, _MOST_DAYS))
        for name in ("server.key", "server.crt"):
            (Path(made) / name).chmod(0o644)  # as below
            (Path(made) / name).replace(folder / name)


def _sign(folder: Path, hostnames: Sequence[str], days: int) -> None:
    _openssl(folder, "req", *_NEW_KEY, "-subj", f"/CN={hostnames[0]}", "-keyout", "server.key", "-out", "server.csr")
    names = ",".join(f"{_kind_of(name)}:{name}" for name in hostnames)
    (folder / "server.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    sign = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days), "-extfile", "server.ext")
    _openssl(folder, "x509", "-req", "-in", "server.csr", *sign, "-out", "server.crt")
    for name in ("server.csr", "server.ext", "ca.srl"):
        (folder / name).unlink(missing_ok=True)


def _kind_of(hostname: str) -> str:
    return "IP" if hostname.replace(".", "").isdigit() or ":" in hostname else "DNS"


def _openssl(folder: Path, *arguments: str) -> str:
    command = ["openssl", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout.decode()  # noqa: S603


def check_hostname(hostname: str) -> str:
    """Return a name or address that a certificate can be made for.

    Raises:
        ValueError: it is none, or too long for one.
    """
    with suppress(ValueError):
        return str(ip_address(hostname))
    if not _NAME.fullmatch(hostname) or len(hostname) > _MOST_LETTERS:
        raise ValueError(
            f"{hostname!r} is no host name or address: give it as devices dial it, as in mqtt.county.example, without"
            f" mqtts:// and port, at most {_MOST_LETTERS} letters, a Chinese name in its xn-- form"
        )
    return hostname


def write_installation(root: Path, hostname: str, *, demo: bool) -> None:
    """Write `.env` and `deploy/secrets/` below `root`.

    Raises:
        FileExistsError: they are there; a second run must not cut a running system from its data.
        ValueError: there can be no certificate for that host, or of this date.
        OSError, CalledProcessError: it cannot be done now; nothing of it is left.
    """
    env, folder = root / ".env", root / "deploy/secrets"
    hostname = check_hostname(hostname)
    if datetime.now(UTC) < _SINCE:
        raise ValueError(
            "the clock of this machine is wrong, and so would be the dates of the certificate: set it first"
        )
    for path in (env, folder):
        if path.exists():
            raise FileExistsError(f"{path} exists; move it away to start over (the database keeps its old password)")
    folder.mkdir(mode=0o700, parents=True)
    try:
        _fill(env, folder, hostname, demo=demo)
        write_secret_files(root)
    except BaseException:  # what is half made would refuse the next run
        shutil.rmtree(folder, ignore_errors=True)
        env.unlink(missing_ok=True)
        raise


def _fill(env: Path, folder: Path, hostname: str, *, demo: bool) -> None:
    make_certificate(folder, hostname)
    names = (SERVICES, PROVISIONER, FLEET) if demo else (SERVICES, PROVISIONER)
    passwords = {name: secrets.token_urlsafe(24) for name in names}
    (folder / "accounts.json").write_text(json.dumps(accounts_file(passwords), indent=1))
    # The containers' users read these through single-file mounts; the folder itself is closed to others.
    for name in ("accounts.json", "server.key", "server.crt"):
        (folder / name).chmod(0o644)
    database = secrets.token_urlsafe(24)
    lines = {
        "FIRETOWER_DATABASE_PASSWORD": database,
        "FIRETOWER_DATABASE_ADMIN_PASSWORD": secrets.token_urlsafe(24),
        "FIRETOWER_DATABASE_URL": f"postgresql://firetower:{database}@database:5432/firetower",
        "FIRETOWER_MQTT_URL": f"mqtt://{SERVICES}:{passwords[SERVICES]}@broker:1883",
        "FIRETOWER_MQTT_PROVISIONER_URL": f"mqtt://{PROVISIONER}:{passwords[PROVISIONER]}@broker:1883",
        "FIRETOWER_DEVICE_MQTT_URL": f"mqtts://{f'[{hostname}]' if ':' in hostname else hostname}:8883",
        "FIRETOWER_GRAFANA_PASSWORD": secrets.token_urlsafe(24),
        "FIRETOWER_DISPATCH_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
        "FIRETOWER_DISPATCH_URL": "http://desk:8119" if demo else "",
    }
    for name in ("FIRETOWER_MQTT_URL", "FIRETOWER_MQTT_PROVISIONER_URL"):  # where areas have a second broker
        lines[f"{name}_2"] = lines[name].replace("@broker:", "@broker-2:")
    lines["FIRETOWER_DEVICE_MQTT_URL_2"] = lines["FIRETOWER_DEVICE_MQTT_URL"].replace(":8883", ":8884")
    if demo:
        lines["FIRETOWER_DEMO_MQTT_URL"] = f"mqtt://{FLEET}:{passwords[FLEET]}@broker:1883"
    descriptor = os.open(env, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("".join(f"{name}={value}\n" for name, value in lines.items()))


def open_to_containers(root: Path) -> None:
    """Let the containers' users read what compose mounts: a checkout made under umask 077 is its owner's alone.

    Raises:
        ValueError: some of it belongs to another user and is closed.
    """
    for folder in (root / "deploy" / name for name in MOUNTED):
        for path in (folder, *folder.rglob("*")):
            if not path.exists() or path.is_symlink():
                continue
            mode = path.stat().st_mode
            wanted = mode | (0o055 if mode & 0o100 else 0o044)
            if wanted == mode:
                continue
            try:
                path.chmod(wanted)
            except PermissionError:
                raise ValueError(
                    f"{path} can be read by its owner alone, and containers have users of their own: let its owner run"
                    f" chmod -R go+rX {folder}"
                ) from None


def renew_accounts(root: Path, file: Path) -> None:
    """Give a broker's own file of accounts the passwords of `.env` and this release's roles; devices' accounts stay.

    Raises:
        ValueError: it is no such file, or an address of `.env` has no password.
        OSError: one of the two is not there, or cannot be written; what was there stays.
        KeyError: a line is missing in `.env`.
    """
    values = _values(root)
    names = (SERVICES, PROVISIONER, FLEET) if _URL_OF[FLEET] in values else (SERVICES, PROVISIONER)
    passwords = {}
    for name in names:
        found = urlsplit(values[_URL_OF[name]]).password
        if not found:
            raise ValueError(f"{_URL_OF[name]} in .env has no password")
        passwords[name] = unquote(found)
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        clients = [client["username"] for client in known["clients"]]
    except (ValueError, TypeError, KeyError):
        clients = []
    if SERVICES not in clients:
        raise ValueError(f"{file} is no file of the broker's accounts")
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(json.dumps(accounts_file(passwords, known), indent=1), encoding="utf-8")
    fresh.chmod(0o644)  # the broker is another user, who makes it its own
    fresh.replace(file)


def write_secret_files(root: Path) -> None:
    """Write what docker-compose.secrets.yml mounts into `deploy/secrets/`, as `.env` has it.

    Raises:
        OSError: there is no `.env`, or it cannot be written.
        KeyError: a line is missing in `.env`.
    """
    values = _values(root)
    for name in AS_FILES:
        path = root / "deploy/secrets" / name
        path.write_text(values[name] + "\n", encoding="utf-8")
        path.chmod(0o644)  # as above: the folder is closed to others, the containers' users read the one file


def _values(root: Path) -> dict[str, str]:
    lines = (root / ".env").read_text(encoding="utf-8-sig").splitlines()  # an editor of Windows marks the beginning
    return dict(map(_setting, (line for line in lines if line.startswith("FIRETOWER_") and "=" in line)))


def _setting(line: str) -> tuple[str, str]:
    """Return name and value as compose reads the line: without quotes, blanks at the ends and a remark."""
    name, _, value = line.partition("=")
    found = _QUOTED.match(value.strip())
    return name.strip(), found[2] if found else re.split(r"\s#", value, maxsplit=1)[0].strip()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="scripts/production", description=__doc__.partition("\n")[0])
    parser.add_argument("hostname", nargs="?", help="the name or address by which devices reach this machine")
    parser.add_argument("--demo", action="store_true", help="an account for the simulators too: never on a real system")
    parser.add_argument("--files", action="store_true", help="only the secrets of the .env that is here, as files")
    parser.add_argument(
        "--certificate", nargs="+", metavar="HOST", help="only the broker's certificate, for these names"
    )
    parser.add_argument(
        "--accounts", type=Path, metavar="FILE", help="only the passwords of .env, into a copy of the broker's accounts"
    )
    given = parser.parse_args()
    if [given.files, bool(given.hostname), bool(given.certificate), bool(given.accounts)].count(True) != 1:
        parser.error("name the host, or give --files, --certificate HOST or --accounts FILE where .env is")
    try:
        open_to_containers(Path.cwd())
        if given.certificate:
            renew_certificate(Path.cwd(), given.certificate)
            sys.stdout.write(_RENEWED)
            return 0
        if given.accounts:
            renew_accounts(Path.cwd(), given.accounts)
            sys.stdout.write(_ACCOUNTS.format(given.accounts))
            return 0
        if given.files:
            write_secret_files(Path.cwd())
            sys.stdout.write("wrote the secrets of .env as files into deploy/secrets/\n")
            return 0
        write_installation(Path.cwd(), given.hostname, demo=given.demo)
    except KeyError as missing:
        sys.stderr.write(f"error: .env has no line {missing.args[0]}=\n")
        return 1
    except (FileExistsError, ValueError) as refused:
        sys.stderr.write(f"error: {refused}\n")
        return 1
    except (OSError, subprocess.CalledProcessError) as error:
        if isinstance(error, FileNotFoundError) and error.filename == "openssl":
            sys.stderr.write("error: openssl is not installed: apt-get install openssl\n")
            return 1
        detail = getattr(error, "stderr", b"") or b""
        sys.stderr.write(f"error: {error} {detail.decode(errors='replace')}\n")
        return 1
    sys.stdout.write(
        "made .env and deploy/secrets/ (keep both private; ca.key belongs off this machine)\n"
        "next: docker compose up -d; docker compose logs api   shows the first login\n"
        "devices trust deploy/secrets/ca.crt and connect with TLS to port 8883\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
