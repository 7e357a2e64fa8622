"""`scripts/production`: what it cannot make it refuses with a line, and leaves nothing of it."""

import base64
import hashlib
import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from stack import production
from stack.accounts import PROVISIONER, SERVICES, account, accounts_file
from stack.production import (
    MOUNTED,
    open_to_containers,
    renew_accounts,
    renew_certificate,
    write_installation,
    write_secret_files,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("host", ["mqtts://mqtt.example.org:8883", "望火楼.cn", "a" * 65, "[fd00::5]", "-x", ""])
def test_a_host_that_no_certificate_can_name_is_refused_and_leaves_nothing(scratch, host):
    with pytest.raises(ValueError, match="no host name or address"):
        write_installation(scratch, host, demo=False)
    assert list(scratch.iterdir()) == []


def test_a_clock_that_nobody_set_is_told_before_it_dates_a_certificate(scratch, monkeypatch):
    monkeypatch.setattr(production, "_SINCE", datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(ValueError, match="the clock of this machine is wrong"):
        write_installation(scratch, "mqtt.example.org", demo=False)


def test_files_that_could_not_all_be_made_do_not_refuse_the_next_run(scratch, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(scratch))  # no openssl
        with pytest.raises(FileNotFoundError):
            write_installation(scratch, "mqtt.example.org", demo=False)
    write_installation(scratch, "mqtt.example.org", demo=False)


def test_what_containers_mount_is_opened_to_their_users_and_no_secret_is(scratch):
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    volumes = [volume for service in compose for volume in service.get("volumes", ()) if volume.startswith("./deploy/")]
    assert {volume.split("/")[2].partition(":")[0] for volume in volumes} == set(MOUNTED)
    write_installation(scratch, "mqtt.example.org", demo=False)
    folder = scratch / "deploy/timescale"
    folder.mkdir(mode=0o700)
    for name, mode in (("postgresql.conf", 0o600), ("role.sh", 0o700)):
        (folder / name).touch(mode)
    open_to_containers(scratch)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir())}
    assert modes == {"timescale": "0o755", "postgresql.conf": "0o644", "role.sh": "0o755"}
    secrets = scratch / "deploy/secrets"
    assert [oct(path.stat().st_mode & 0o777) for path in (secrets, secrets / "ca.key")] == ["0o700", "0o600"]


def test_configuration_that_is_another_users_and_closed_is_named_with_the_cure(scratch, monkeypatch):
    (scratch / "deploy/mosquitto").mkdir(parents=True)
    conf = scratch / "deploy/mosquitto/mosquitto.conf"
    conf.touch(0o600)

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(type(conf), "chmod", refused)
    with pytest.raises(ValueError, match=r"chmod -R go\+rX .*/deploy/mosquitto$"):
        open_to_containers(scratch)


def test_secrets_as_files_are_what_compose_reads_in_env(scratch):
    write_installation(scratch, "mqtt.example.org", demo=False)
    env = scratch / ".env"
    lines = env.read_text().splitlines()
    for number, line in enumerate(lines):
        name, _, value = line.partition("=")
        if name == "FIRETOWER_DATABASE_URL":
            lines[number], address = f'{name}="{value}"  # the address', value
        if name == "FIRETOWER_DISPATCH_SECRET":
            lines[number], secret = f"{name}={value}  # of 119", value
    env.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())  # as Notepad keeps it
    write_secret_files(scratch)
    assert (scratch / "deploy/secrets/FIRETOWER_DATABASE_URL").read_text() == f"{address}\n"
    assert (scratch / "deploy/secrets/FIRETOWER_DISPATCH_SECRET").read_text() == f"{secret}\n"


def certified(path):
    found = x509.load_pem_x509_certificate(path.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}, found


def test_a_certificate_is_made_anew_by_the_authority_that_devices_trust(scratch):
    """It ends one day, and who moves to another machine gives it another name while devices still dial the old one."""
    write_installation(scratch, "mqtt.example.org", demo=False)
    secrets = scratch / "deploy/secrets"
    kept = {path.name: path.read_bytes() for path in secrets.iterdir()} | {".env": (scratch / ".env").read_bytes()}
    renew_certificate(scratch, ["new.example.org", "mqtt.example.org", "10.20.0.5"])
    names, made = certified(secrets / "server.crt")
    assert names == {"new.example.org", "mqtt.example.org", "10.20.0.5"}
    authority = x509.load_pem_x509_certificate((secrets / "ca.crt").read_bytes())
    made.verify_directly_issued_by(authority)
    assert made.not_valid_after_utc <= authority.not_valid_after_utc
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(secrets / "server.crt", secrets / "server.key")
    now = {path.name: path.read_bytes() for path in secrets.iterdir()} | {".env": (scratch / ".env").read_bytes()}
    assert {name for name in kept | now if kept.get(name) != now.get(name)} == {"server.crt", "server.key"}
    assert (secrets / "server.key").stat().st_mode & 0o777 == 0o644


def test_without_the_authoritys_key_or_with_a_name_that_is_none_the_old_certificate_stays(scratch):
    write_installation(scratch, "mqtt.example.org", demo=False)
    secrets = scratch / "deploy/secrets"
    before = (secrets / "server.crt").read_bytes()
    with pytest.raises(ValueError, match="no host name"):
        renew_certificate(scratch, ["mqtts://a"])
    (secrets / "ca.key").unlink()
    with pytest.raises(ValueError, match=r"ca\.key is not here: put it back"):
        renew_certificate(scratch, ["mqtt.example.org"])
    assert (secrets / "server.crt").read_bytes() == before


def fits(client, password):
    """Whether a password opens an account, as the plug-in finds out."""
    _, _, rounds, salt, digest = client["encoded_password"].split("$")
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(rounds))
    return base64.b64decode(digest) == made


def test_new_passwords_reach_the_accounts_of_a_broker_and_leave_the_devices_theirs(scratch):
    write_installation(scratch, "mqtt.example.org", demo=False)
    file, env = scratch / "accounts.json", scratch / ".env"
    device = account("hydrant-1", "a password of its own", ["device"])
    before = accounts_file({SERVICES: "old", PROVISIONER: "old"}) | {"roles": []}  # as of an older release
    file.write_text(json.dumps(before | {"clients": [*before["clients"], device]}))
    env.write_text(re.sub(rf"//{SERVICES}:[^@]+@broker:", f"//{SERVICES}:n%2Fw@broker:", env.read_text()))
    renew_accounts(scratch, file)
    after = json.loads(file.read_text())
    clients = {client["username"]: client for client in after["clients"]}
    assert set(clients) == {SERVICES, PROVISIONER, "hydrant-1"}
    assert clients["hydrant-1"] == device
    assert fits(clients[SERVICES], "n/w")
    assert {"services", "provisioner"} <= {role["rolename"] for role in after["roles"]}
    assert file.stat().st_mode & 0o777 == 0o644  # its broker is another user


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"clients": []}', "{"])
def test_what_is_no_file_of_accounts_is_refused_and_stays(scratch, content):
    write_installation(scratch, "mqtt.example.org", demo=False)
    file = scratch / "accounts.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"accounts\.json is no file of the broker's accounts"):
        renew_accounts(scratch, file)
    assert file.read_text() == content
