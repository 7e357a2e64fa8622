"""The embedded mosquitto: what it acknowledged survives a kill, and an account reaches its own topics only."""

import asyncio
import json
import resource
import socket
import subprocess
from urllib.parse import urlsplit

import pytest

from services.core.mqtt import Session, SessionConfig
from stack import children, state
from stack.accounts import FLEET, SERVICES
from stack.mosquitto import BrokerLimits, Mosquitto, broker_settings, device_connections, plugin_settings
from stack.state import StartFailed, StateDir
from tests.support.servers import until
from tests.support.waiting import PATIENCE_S

TOPIC = "fire/v1/140931/hydrant/{}/up/telemetry"


def subscribe(broker, account, *arguments):
    return subprocess.run(
        [
            str(broker.clients / "mosquitto_sub"),
            *("-h", broker.host, "-p", str(broker.port), "-V", "5", "-q", "1"),
            *("-u", account.username, "-P", account.password),
            *arguments,
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE_S,
    )


def durable(client_id):
    return ("-i", client_id, "-c", "-x", "86400")


def test_acknowledged_messages_survive_kill_9(broker):
    everything = ("-t", "fire/v1/+/+/+/up/#")
    assert subscribe(broker, broker.services, *durable("t.keep"), *everything, "-E").returncode == 0
    # The newest acknowledgement may precede its own write by one turn of the loop (docs/guarantees.md), hence one more.
    for number in range(41):
        assert broker.publish(TOPIC.format("hydrant-1"), str(number)) == 0
    port = broker.port
    broker.kill()
    broker.start()
    assert broker.port == port
    got = subscribe(broker, broker.services, *durable("t.keep"), *everything, "-C", "40", "-W", str(int(PATIENCE_S)))
    assert got.stdout.split() == [str(number) for number in range(40)]


@pytest.mark.parametrize("damage", [lambda whole: bytes(len(whole)), lambda whole: whole[: len(whole) // 2]])
def test_a_damaged_file_of_sessions_keeps_no_broker_from_starting(broker, damage):
    assert subscribe(broker, broker.services, *durable("t.keep"), "-t", "fire/v1/#", "-E").returncode == 0
    broker.stop()
    [sessions] = broker.folder.rglob("sessions.sqlite3")
    sessions.write_bytes(damage(sessions.read_bytes()))
    broker.start()
    assert broker.publish(TOPIC.format("hydrant-1"), "1") == 0
    assert len(list(sessions.parent.glob("sessions-damaged-*.sqlite3"))) == 1


def test_a_damaged_file_of_accounts_locks_no_device_out(broker):
    device = broker.add_device("hydrant-7")
    accounts = broker.mosquitto.accounts
    until(lambda: accounts.devices() == {"hydrant-7"}, what="the broker wrote its file")
    accounts.keep_copy()  # as the supervisor does meanwhile
    broker.stop()
    accounts.path.write_bytes(accounts.path.read_bytes()[:-100])
    broker.start()
    assert broker.publish(TOPIC.format("hydrant-7"), "{}", account=device) in (0, 16)
    assert "back from the copy" in accounts.found


@pytest.mark.parametrize(("username", "password"), [(None, None), ("firetower.services", "wrong"), ("nobody", "x")])
def test_without_a_valid_account_nobody_gets_in(broker, username, password):
    login = ["-u", username, "-P", password] if username else []
    command = [str(broker.clients / "mosquitto_pub"), "-p", str(broker.port), "-t", "x", "-m", "x", *login]
    assert subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_S).returncode != 0


def test_a_device_writes_and_reads_its_own_topics_only(broker):
    device = broker.add_device("hydrant-7")
    everything = ("-t", "#")
    subscribe(broker, broker.services, *durable("t.watch"), "-t", "fire/v1/#", "-E")
    for topic in (
        TOPIC.format("hydrant-7"),
        TOPIC.format("hydrant-8"),
        "fire/v1/140931/hydrant/hydrant-7/down/ack",
        "firetower/probe",
    ):
        broker.publish(topic, topic, account=device)
    broker.publish(TOPIC.format("hydrant-9"), "last")
    everything_kept = ("-t", "fire/v1/#", "-C", "2", "-W", str(int(PATIENCE_S)))
    seen = subscribe(broker, broker.services, *durable("t.watch"), *everything_kept)
    assert seen.stdout.split() == [TOPIC.format("hydrant-7"), "last"]

    own = subscribe(broker, device, *durable("hydrant-7"), "-t", "fire/v1/140931/hydrant/hydrant-7/down/#", "-E")
    other = subscribe(broker, device, "-i", "hydrant-7", "-t", "fire/v1/140931/hydrant/hydrant-8/down/#", "-E")
    wildcard = subscribe(broker, device, "-i", "hydrant-7", *everything, "-E")
    assert "denied" not in own.stderr.lower()
    assert "denied" in other.stderr.lower()
    assert "denied" in wildcard.stderr.lower()


def test_device_accounts_survive_a_restart(broker):
    device = broker.add_device("panel-3")
    broker.kill()
    broker.start()
    assert broker.publish(TOPIC.format("panel-3"), "{}", account=device) in (0, 16)  # 16: nobody subscribed


def test_only_the_provisioner_may_make_accounts(broker):
    command = json.dumps({"commands": [{"command": "createClient", "username": "evil", "password": "evil"}]})
    for account in (broker.fleet, broker.services, broker.add_device("hydrant-9")):
        broker.publish("$CONTROL/dynamic-security/v1", command, account=account)
    login = [str(broker.clients / "mosquitto_pub"), "-p", str(broker.port), "-u", "evil", "-P", "evil"]
    assert (
        subprocess.run([*login, "-t", "x", "-m", "x"], capture_output=True, check=False, timeout=PATIENCE_S).returncode
        != 0
    )


def test_past_the_queue_limit_the_dropped_counter_rises(private_broker):
    broker = private_broker(BrokerLimits(queue_bytes=2000))
    subscribe(broker, broker.services, *durable("t.away"), "-t", "fire/v1/#", "-E")
    for _ in range(30):
        broker.publish(TOPIC.format("hydrant-1"), "x" * 200)

    def dropped():
        counter = "$SYS/broker/publish/messages/dropped"
        return int(subscribe(broker, broker.services, "-t", counter, "-C", "1", "-W", "5").stdout or 0) >= 1

    until(dropped, what="dropped messages counted")


def test_a_message_over_the_packet_limit_is_refused(broker):
    assert broker.publish(TOPIC.format("hydrant-1"), b"x" * 256 * 1024) in (0, 16)
    assert broker.publish(TOPIC.format("hydrant-1"), b"x" * 270 * 1024) not in (0, 16)


def test_ordinary_publishing_leaves_no_warning_in_the_log(broker):
    for number in range(5):
        broker.publish(TOPIC.format("hydrant-1"), str(number))
    lines = broker.log_text().splitlines()
    assert not [line for line in lines if "exceeded" in line or "Warning" in line or "deprecated" in line]


@pytest.fixture
def small_broker(scratch):
    """A function that starts a broker for so many devices, with or without the account that may be all of them."""
    started = []

    def start(max_connections, *, fleet):
        server = Mosquitto(StateDir.open(scratch / "state"), fleet=fleet)
        server.max_connections = max_connections
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


def test_the_port_that_a_proxy_knows_is_kept_or_refused_and_never_another(scratch, monkeypatch):
    monkeypatch.setattr(state, "PREDECESSOR_S", 0.1)
    folder, port = StateDir.open(scratch / "state"), children.free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(StartFailed, match=rf"BROKER_PORT: .*{port} .*taken"):
        Mosquitto(folder, port=port)
    broker = Mosquitto(folder, port=port)
    assert broker.port == port
    broker.start()
    try:
        assert children.answers(port)
    finally:
        broker.kill()


async def connects(url, client_id, within_s=PATIENCE_S):
    """Whether the broker lets somebody in."""
    session = Session(SessionConfig.from_url(urlsplit(url), client_id), on_delivery=lambda _: None)
    running = asyncio.create_task(session.run())
    try:
        await asyncio.wait_for(session.ready(), within_s)
    except TimeoutError:
        return None
    return session, running


async def test_a_crowd_of_devices_never_shuts_our_own_services_out(small_broker):
    broker = small_broker(3, fleet=True)
    inside = [await connects(broker.url(FLEET), f"device-{number}") for number in range(3)]
    assert None not in inside
    assert await connects(broker.url(FLEET), "device-3", within_s=5) is None
    service = await connects(broker.url(SERVICES), "firetower.late")
    assert service is not None
    for session, running in [*inside, service]:
        await session.stop()
        await running


@pytest.mark.parametrize(("fleet", "sync"), [(False, "full"), (True, "normal")])
def test_the_broker_of_a_countys_own_server_survives_a_power_cut_with_what_it_acknowledged(scratch, fleet, sync):
    server = Mosquitto(StateDir.open(scratch / "state"), fleet=fleet)
    server.prepare()
    [conf] = scratch.rglob("mosquitto.conf")
    server.stop()
    assert f"plugin_opt_sync {sync}\n" in conf.read_text()


async def test_without_the_fleet_a_device_cannot_take_the_session_of_a_service(small_broker):
    broker = small_broker(100, fleet=False)
    service, running = await connects(broker.url(SERVICES), "firetower.ingest.all.event")
    through_the_devices_port = broker.url(SERVICES).replace(f":{broker.services_port}", f":{broker.port}")
    thief, thieving = await connects(through_the_devices_port, "firetower.ingest.all.event")
    assert service.connected
    assert not running.done()
    for session, task in ((service, running), (thief, thieving)):
        await session.stop()
        await task


@pytest.mark.parametrize(
    ("most_files", "devices"), [(20_000, 19_800), (1024, 824), (256, 128), (resource.RLIM_INFINITY, 1_000_000)]
)
def test_the_limit_of_devices_leaves_room_for_what_we_need_ourselves(most_files, devices):
    assert device_connections(most_files) == devices


def test_the_durable_settings_are_not_reverted():
    lines = broker_settings(BrokerLimits()) + plugin_settings("d.so", "a", "p.so", "db", BrokerLimits().sync)
    for line in (
        "plugin_opt_flush_period 0",
        "max_queued_messages 0",
        "allow_anonymous false",
        "plugin_opt_sync normal",
    ):
        assert line in lines
