"""`scripts/production`: what it cannot make it refuses with a line, and leaves nothing of it."""

from datetime import UTC, datetime, timedelta

import pytest

from stack import production
from stack.production import write_installation, write_secret_files


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
