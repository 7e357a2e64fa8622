"""The production files, as far as a machine without a container engine can judge them.

The broker and the database are started from the very files that docker-compose.yml mounts; only paths and ports differ.
"""

import re
import shutil
import subprocess
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from services.api.request.database import DOOR_SIZE, HEAVY_SIZES, POOL_SIZES
from services.core import migrate
from services.core.settings import (
    AlertsSettings,
    ApiSettings,
    BackupSettings,
    DeskSettings,
    GatewaySettings,
    IngestSettings,
    PushSettings,
)
from stack import children
from stack.accounts import FLEET, SERVICES
from stack.backup.follow import SLOT
from stack.binaries import find_mosquitto, find_postgres
from stack.mosquitto import BrokerLimits, broker_settings
from stack.postgres_conf import server_settings
from stack.production import write_installation
from stack.state import StateDir
from tests.support.scratch import scratch_dir
from tests.support.servers import run_in_thread, until
from tests.support.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
CONF = ROOT / "deploy/mosquitto/mosquitto.conf"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROGRAMS = {"migrate", "ingest", "alerts", "push", "api", "gateway", "desk", "simulate"}
WATCH = {"prometheus", "grafana"}


def settings_of(text):
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_the_production_broker_keeps_what_the_embedded_one_keeps():
    production = set(settings_of(CONF.read_text()))
    assert set(broker_settings(BrokerLimits())) <= production
    assert {"plugin_opt_flush_period 0", "plugin_opt_sync full"} <= production


def test_the_production_database_syncs_as_the_embedded_one_does():
    text = (ROOT / "deploy/timescale/postgresql.conf").read_text()
    production = dict(re.findall(r"^(\S+) = (\S.*?)\s*(?:#.*)?$", text, re.MULTILINE))
    embedded = server_settings(4 * 2**30, durable=True)
    for name in (
        "max_locks_per_transaction",
        "synchronous_commit",
        "shared_preload_libraries",
        "password_encryption",
        "jit",
        "timezone",
    ):
        assert production[name] == embedded[name]
    assert production["fsync"] == "on"


def test_the_database_has_a_connection_for_every_program_of_two_brokers():
    """One that is refused a connection waits, and what it does waits with it."""
    text = (ROOT / "deploy/timescale/postgresql.conf").read_text()
    [most] = map(int, re.findall(r"^max_connections = (\d+)", text, re.MULTILINE))
    api = 2 * sum(POOL_SIZES.values()) + sum(HEAVY_SIZES.values()) + DOOR_SIZE + 1
    ingest, gateway, alerts, push, people = 4, 5, 14, 9, 10  # pools and single connections; psql, a dump, a migration
    assert 2 * (api + ingest + gateway) + alerts + push + people < most - 3  # which are the superuser's


def test_two_databases_are_set_as_the_one_is_and_leave_the_slot_of_the_backup_alone():
    patroni = yaml.safe_load((ROOT / "deploy/ha/patroni.yml").read_text())
    cluster = patroni["bootstrap"]["dcs"]
    both = cluster["postgresql"]["parameters"] | patroni["postgresql"]["parameters"]
    text = (ROOT / "deploy/timescale/postgresql.conf").read_text()
    alone = {name: value.strip("'") for name, value in re.findall(r"^(\S+) = (\S.*?)\s*(?:#.*)?$", text, re.MULTILINE)}
    assert {name: value for name, value in alone.items() if str(both.get(name, value)) != value} == {}
    assert set(alone) - set(both) == {"listen_addresses"}
    assert {"name": SLOT, "type": "physical"} in cluster["ignore_slots"]


def test_the_image_gets_every_package_that_is_installed_in_it():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["build-backend"]["module-name"]
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert set(packages) == set(copied)
    assert {f"!{name}" for name in packages} <= set(allowed)


def test_the_image_can_be_read_by_its_user_whatever_the_umask_of_the_checkout():
    build, _, image = (ROOT / "Dockerfile").read_text().partition("\nFROM ${PYTHON_IMAGE}\n")
    assert build.rstrip().endswith("&& chmod -R go+rX /app /venv")
    assert "COPY --from=build /app /app" in image
    assert re.findall(r"^COPY (?!--from=build)", image, re.MULTILINE) == []


def test_every_setting_that_compose_passes_exists():
    known = {
        "database_password",
        "database_admin_password",
        "mqtt_provisioner_url",
        "demo_mqtt_url",
        "api_key",
        "api_url",
    }
    for kind in (
        IngestSettings,
        AlertsSettings,
        PushSettings,
        ApiSettings,
        GatewaySettings,
        DeskSettings,
        BackupSettings,
    ):
        known |= set(kind.model_fields)
    for name, service in COMPOSE["services"].items():
        for variable in service.get("environment", {}):
            if variable.startswith("FIRETOWER_"):
                assert variable.removeprefix("FIRETOWER_").lower() in known, f"{name}: {variable}"


def test_containers_are_closed_and_say_when_they_are_ready():
    assert set(COMPOSE["services"]) == PROGRAMS | WATCH | {"broker", "database", "copies"}
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "healthcheck" in service, name
        assert service["logging"]["options"]["max-size"] == "20m", name
        assert "privileged" not in service
        if name not in PROGRAMS:
            assert service["user"] != "0"
    assert COMPOSE["services"]["database"]["healthcheck"]["start_period"] == "1h"  # it may read its log first
    assert "USER 10001" in (ROOT / "Dockerfile").read_text()
    assert "ports" not in COMPOSE["services"]["database"]
    profiles = {name: service["profiles"] for name, service in COMPOSE["services"].items() if "profiles" in service}
    assert profiles == {
        "desk": ["demo"], "simulate": ["demo"], "prometheus": ["watch"], "grafana": ["watch"], "copies": ["copies"],
    }  # fmt: skip
    assert (
        "${FIRETOWER_GRAFANA_PASSWORD:?" in COMPOSE["services"]["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    )
    assert default_of(COMPOSE["services"]["broker"]["image"]).startswith("eclipse-mosquitto:2.1.2-alpine@")
    assert "-pg17@" in default_of(COMPOSE["services"]["database"]["image"])


def default_of(text):
    """Return what a variable of compose is when nobody sets it."""
    [default] = re.findall(r"^\$\{FIRETOWER_[A-Z_]+:-([^}]+)\}$", text)
    return default


def test_every_image_is_pinned_by_its_digest():
    defaults = {name: default_of(service["image"]) for name, service in COMPOSE["services"].items()}
    base = default_of(COMPOSE["services"]["ingest"]["build"]["args"]["PYTHON_IMAGE"])
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for image in {base, *defaults.values()} - {f"firetower:{version}"}:
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image), image
    assert f"firetower:{version}" in defaults.values()
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile, re.MULTILINE) == [base]
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


def test_images_are_pinned_by_one_command(scratch):
    (scratch / "docker").write_text('#!/bin/sh\n[ "$2" = imagetools ] && echo "sha256:of-$4"\n')
    (scratch / "docker").chmod(0o755)
    env = {"PATH": f"{scratch}:/usr/bin:/bin"}
    said = subprocess.run([ROOT / "scripts/pin-images"], env=env, check=True, capture_output=True, text=True).stdout
    lines = dict(line.split("=", 1) for line in said.splitlines())
    assert set(lines) == {
        f"FIRETOWER_{name}_IMAGE" for name in ("BROKER", "DATABASE", "PROMETHEUS", "GRAFANA", "PYTHON")
    }
    assert lines["FIRETOWER_BROKER_IMAGE"] == "eclipse-mosquitto:2.1.2-alpine@sha256:of-eclipse-mosquitto:2.1.2-alpine"


def test_the_limits_of_connections_and_files_agree():
    [limit] = re.findall(r"^max_connections (\d+)$", CONF.read_text(), re.MULTILINE)
    assert (
        CONF.read_text().index("listener 8883")
        < CONF.read_text().index("max_connections")
        < (CONF.read_text().index("listener 1883"))
    )
    assert COMPOSE["services"]["ingest"]["environment"]["FIRETOWER_MQTT_MAX_CONNECTIONS"] == limit
    assert COMPOSE["services"]["broker"]["ulimits"]["nofile"]["hard"] > int(limit) + 1000


def test_the_reverse_proxy_of_the_host_is_the_trusted_one():
    trusted = default_of(COMPOSE["services"]["api"]["environment"]["FIRETOWER_TRUSTED_PROXIES"])
    [config] = COMPOSE["networks"]["outside"]["ipam"]["config"]
    assert ip_address(trusted) == next(ip_network(default_of(config["subnet"])).hosts())


@pytest.fixture
def installation():
    root = scratch_dir()
    write_installation(root, "127.0.0.1", demo=True)
    yield root
    shutil.rmtree(root)


def password_of(root, variable):
    [line] = [line for line in (root / ".env").read_text().splitlines() if line.startswith(variable + "=")]
    return re.search(r":([^:@]+)@", line.partition("://")[2])[1]


@pytest.fixture
def production_broker(installation):
    binaries, tls, plain = find_mosquitto(), children.free_port(), children.free_port()
    data = StateDir.open(installation / "state").server_dir("mosquitto")
    secrets = installation / "deploy/secrets"
    for name in ("accounts.json", "server.crt", "server.key"):
        shutil.copy(secrets / name, data)
        if user := children.unprivileged():
            shutil.chown(data / name, user.pw_uid, user.pw_gid)
    text = CONF.read_text()
    for theirs, ours in {
        "/usr/lib/mosquitto_dynamic_security.so": binaries.dynamic_security,
        "/usr/lib/mosquitto_persist_sqlite.so": binaries.persist_sqlite,
        "/mosquitto/data": data,
        "/run/secrets/mqtt_certificate": data / "server.crt",
        "/run/secrets/mqtt_key": data / "server.key",
        "listener 8883": f"listener {tls} 127.0.0.1",
        "listener 1883": f"listener {plain} 127.0.0.1",
    }.items():
        assert theirs in text
        text = text.replace(theirs, str(ours))
    conf = installation / "mosquitto.conf"
    conf.write_text(text)
    children.run_tool([str(binaries.broker), "--test-config", "-c", str(conf)])
    process = children.spawn([str(binaries.broker), "-c", str(conf)], log=installation / "log", drop_root=True)
    try:
        until(lambda: children.answers(plain) and children.answers(tls), what="both listeners")
        yield binaries.clients, plain, tls, secrets / "ca.crt"
    finally:
        process.kill()
        process.wait()


def test_a_device_behind_tls_cannot_take_over_a_services_session(production_broker, installation):
    clients, plain, tls, authority = production_broker
    service = ("-u", SERVICES, "-P", password_of(installation, "FIRETOWER_MQTT_URL"))
    device = ("-u", FLEET, "-P", password_of(installation, "FIRETOWER_DEMO_MQTT_URL"))
    out = installation / "heard"
    command = [str(clients / "mosquitto_sub"), "-p", str(plain), *service, "-i", "svc.1", "-V", "5", "-q", "1"]
    command += ["-t", "fire/v1/#", "-t", "$SYS/broker/version", "-W", str(int(PATIENCE_S)), "-C", "2"]
    with out.open("wb") as file:
        listening = subprocess.Popen(command, stdout=file)
    until(lambda: b"mosquitto version" in out.read_bytes(), what="subscribed")
    publish = [str(clients / "mosquitto_pub"), "-p", str(tls), "-h", "127.0.0.1", "--cafile", str(authority), *device]
    publish += ["-i", "svc.1", "-V", "5", "-q", "1", "-t", "fire/v1/140931/panel/p1/up/event", "-m", "fire"]
    assert subprocess.run(publish, check=False, timeout=PATIENCE_S).returncode == 0
    assert listening.wait(PATIENCE_S) == 0
    assert b"fire" in out.read_bytes()


def test_the_device_listener_speaks_tls_only(production_broker, installation):
    clients, _, tls, _ = production_broker
    device = ("-u", FLEET, "-P", password_of(installation, "FIRETOWER_DEMO_MQTT_URL"))
    command = [str(clients / "mosquitto_pub"), "-p", str(tls), *device, "-t", "x", "-m", "x"]
    assert subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_S).returncode != 0


def test_without_demo_no_account_may_be_every_device_and_nothing_is_overwritten(scratch):
    write_installation(scratch, "mqtt.example.org", demo=False)
    assert FLEET not in (scratch / "deploy/secrets/accounts.json").read_text()
    assert "DEMO" not in (scratch / ".env").read_text()
    assert (scratch / ".env").stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        write_installation(scratch, "mqtt.example.org", demo=False)


def test_the_production_database_files_start_a_server_whose_programs_are_no_superuser(scratch):
    binaries, state, port = find_postgres(), StateDir.open(scratch / "state"), children.free_port()
    data = state.server_dir("postgres") / "data"
    command = [binaries.program("initdb"), "-D", str(data), "-U", "postgres", "--no-sync"]
    command += ["--auth-local=trust", "--auth-host=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    children.run_tool(command, drop_root=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    conf = scratch / "postgresql.conf"
    shutil.copy(ROOT / "deploy/timescale/postgresql.conf", conf)
    conf.chmod(0o644)
    overrides = {"config_file": conf, "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    arguments = [part for name, value in overrides.items() for part in ("-c", f"{name}={value}")]
    log = state.log("postgres")
    process = children.spawn([binaries.program("postgres"), "-D", str(data), *arguments], log=log, drop_root=True)
    try:
        ready = [binaries.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, what="accepting")
        psql = [binaries.program("psql"), "-XqtA", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "postgres"]
        assert children.run_tool([*psql, "-c", "show max_wal_size"], env={}).strip() == "4GB"
        env = {"PATH": f"{binaries.bin_dir}:/usr/bin:/bin", "PGHOST": "127.0.0.1", "PGPORT": str(port)}
        env |= {"POSTGRES_USER": "postgres", "FIRETOWER_DATABASE_PASSWORD": "it's a \\ secret"}
        children.run_tool(["sh", str(ROOT / "deploy/timescale/role.sh")], env=env)
        dsn = f"postgresql://firetower@127.0.0.1:{port}/firetower"
        run_in_thread(migrate.upgrade(dsn))
        may_more = "select rolsuper or rolcreaterole or rolcreatedb or rolreplication from pg_roles"
        assert children.run_tool([*psql, "-c", f"{may_more} where rolname = 'firetower'"], env={}).strip() == "f"
        owned = "select count(*) from pg_class where relname = 'alarm' and relowner = 'firetower'::regrole"
        assert children.run_tool([*psql[:-1], "firetower", "-c", owned], env={}).strip() == "1"
    finally:
        children.stop(process)
