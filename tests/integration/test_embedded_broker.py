"""The embedded mosquitto: what it acknowledged survives a kill, and an account reaches its own topics only."""

import json
import subprocess

import pytest

from stack.mosquitto import BrokerLimits, broker_settings, plugin_settings
from tests.support.servers import until

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
        timeout=20,
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
    got = subscribe(broker, broker.services, *durable("t.keep"), *everything, "-C", "40", "-W", "10")
    assert got.stdout.split() == [str(number) for number in range(40)]


@pytest.mark.parametrize(("username", "password"), [(None, None), ("firetower.services", "wrong"), ("nobody", "x")])
def test_without_a_valid_account_nobody_gets_in(broker, username, password):
    login = ["-u", username, "-P", password] if username else []
    command = [str(broker.clients / "mosquitto_pub"), "-p", str(broker.port), "-t", "x", "-m", "x", *login]
    assert subprocess.run(command, capture_output=True, check=False, timeout=10).returncode != 0


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
    seen = subscribe(broker, broker.services, *durable("t.watch"), "-t", "fire/v1/#", "-W", "1")
    assert seen.stdout.split() == [TOPIC.format("hydrant-7")]

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
    assert subprocess.run([*login, "-t", "x", "-m", "x"], capture_output=True, check=False, timeout=10).returncode != 0


def test_past_the_queue_limit_the_dropped_counter_rises(private_broker):
    broker = private_broker(BrokerLimits(queue_bytes=2000))
    subscribe(broker, broker.services, *durable("t.away"), "-t", "fire/v1/#", "-E")
    for _ in range(30):
        broker.publish(TOPIC.format("hydrant-1"), "x" * 200)

    def dropped():
        counter = "$SYS/broker/publish/messages/dropped"
        return int(subscribe(broker, broker.services, "-t", counter, "-C", "1", "-W", "5").stdout or 0) >= 1

    until(dropped, what="dropped messages counted", timeout_s=8)


def test_a_message_over_the_packet_limit_is_refused(broker):
    assert broker.publish(TOPIC.format("hydrant-1"), b"x" * 256 * 1024) in (0, 16)
    assert broker.publish(TOPIC.format("hydrant-1"), b"x" * 270 * 1024) not in (0, 16)


def test_ordinary_publishing_leaves_no_warning_in_the_log(broker):
    for number in range(5):
        broker.publish(TOPIC.format("hydrant-1"), str(number))
    lines = broker.log_text().splitlines()
    assert not [line for line in lines if "exceeded" in line or "Warning" in line or "deprecated" in line]


def test_the_durable_settings_are_not_reverted():
    lines = broker_settings(BrokerLimits()) + plugin_settings("d.so", "a", "p.so", "db", BrokerLimits().sync)
    for line in (
        "plugin_opt_flush_period 0",
        "max_queued_messages 0",
        "allow_anonymous false",
        "plugin_opt_sync normal",
    ):
        assert line in lines
