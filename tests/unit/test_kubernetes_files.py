"""The Kubernetes files say the same as the programs and docker-compose.yml; no cluster is asked."""

import os
import re
import subprocess
from ipaddress import ip_network
from itertools import chain
from pathlib import Path

import pytest
import yaml

from services.core.settings import AlertsSettings, ApiSettings, GatewaySettings, IngestSettings, PushSettings
from stack.production import write_installation

DEPLOY = Path(__file__).parents[2] / "deploy"
ROOT = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
OBJECTS = [
    one
    for resource in ROOT["resources"]
    for one in yaml.safe_load_all((DEPLOY / resource).read_text())
    if one is not None
]
EVERY_PROGRAM = yaml.safe_load((DEPLOY / "kubernetes/every-program.yaml").read_text())["spec"]["template"]["spec"]
COMPOSE = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]
SETTINGS = {
    "ingest": IngestSettings,
    "alerts": AlertsSettings,
    "gateway": GatewaySettings,
    "api": ApiSettings,
    "push": PushSettings,
}


def workload(name):
    [found] = [
        one for one in OBJECTS if one["kind"] in {"StatefulSet", "Deployment"} and one["metadata"]["name"] == name
    ]
    return found["spec"]


def container(name):
    [found] = workload(name)["template"]["spec"]["containers"]
    return found


def secret_keys(part):
    """Return every (secret, key) that environment variables take."""
    found = [one["valueFrom"]["secretKeyRef"] for one in part.get("env", ()) if "valueFrom" in one]
    return {(one["name"], one["key"]) for one in found if not one.get("optional")}


def secret_files(name, *, optional=False):
    """Return {file: (secret, key)} of what a program finds in its folder of secrets."""
    [volume] = [one for one in workload(name)["template"]["spec"]["volumes"] if one["name"] == "secrets"]
    secrets = [one["secret"] for one in volume["projected"]["sources"]]
    return {
        item["path"]: (one["name"], item["key"])
        for one in secrets
        if one.get("optional", False) is optional
        for item in one["items"]
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_a_program_gets_settings_that_it_knows_and_says_when_it_is_ready(name):
    own, shared = container(name), EVERY_PROGRAM["containers"][0]
    assert own["args"] == [name]
    assert own["name"] == shared["name"]  # else the shared part would be a second container
    files = secret_files(name) | secret_files(name, optional=True)
    known = SETTINGS[name].model_fields.keys() | {"secrets_dir"}
    for variable in (*(one["name"] for one in (*own["env"], *shared["env"])), *files):
        assert variable.removeprefix("FIRETOWER_").lower() in known
    assert own["readinessProbe"]
    assert {mount["name"] for mount in shared["volumeMounts"]} == {"tmp", "state", "secrets"}


@pytest.mark.parametrize("name", ["ingest", "alerts", "gateway"])
def test_what_a_program_must_remember_is_on_a_volume_of_its_own(name):
    assert workload(name)["replicas"] == 1
    assert [claim["metadata"]["name"] for claim in workload(name)["volumeClaimTemplates"]] == ["state"]


def test_every_secret_is_made_by_the_production_script_and_none_stands_in_the_files(tmp_path):
    write_installation(tmp_path, "mqtt.example.org", demo=False)
    made = {("firetower", line.partition("=")[0]) for line in (tmp_path / ".env").read_text().splitlines()}
    names = ("ingest", "alerts", "gateway", "api", "push", "broker", "database")
    parts = [container(name) for name in names] + EVERY_PROGRAM["containers"] + EVERY_PROGRAM["initContainers"]
    assert set(chain.from_iterable(secret_keys(part) for part in parts)) <= made
    assert set(chain.from_iterable(secret_files(name).values() for name in SETTINGS)) <= made
    for part in parts:
        assert [one["name"] for one in part.get("env", ()) if "PASSWORD" in one["name"] and "value" in one] == []
    [secrets] = [one["secret"] for one in workload("broker")["template"]["spec"]["volumes"] if "secret" in one]
    assert secrets["secretName"] == "mqtt"
    mounted = {mount["subPath"] for mount in container("broker")["volumeMounts"] if mount["name"] == "secrets"}
    assert mounted <= {path.name for path in (tmp_path / "deploy/secrets").iterdir()}


def test_passwords_and_keys_of_our_programs_are_files_and_each_has_its_own_alone():
    shared = [*EVERY_PROGRAM["containers"], *EVERY_PROGRAM["initContainers"]]
    [folder] = {one["value"] for part in shared for one in part["env"] if one["name"] == "FIRETOWER_SECRETS_DIR"}
    for part in shared:
        [mount] = [one for one in part["volumeMounts"] if one["name"] == "secrets"]
        assert (mount["mountPath"], mount["readOnly"]) == (folder, True)
    wanted = {"ingest": {"MQTT_URL"}, "gateway": {"MQTT_URL"}, "api": {"MQTT_URL"}, "push": set()}
    wanted["alerts"] = {"DISPATCH_URL", "DISPATCH_SECRET"}
    for name, more in wanted.items():
        assert set(secret_files(name)) == {f"FIRETOWER_{one}" for one in more | {"DATABASE_URL"}}
        in_environment = {key for _, key in secret_keys(container(name))}
        assert not any("URL" in key or "SECRET" in key or "PASSWORD" in key for key in in_environment)
    assert secret_files("api")["FIRETOWER_MQTT_URL"] == ("firetower", "FIRETOWER_MQTT_PROVISIONER_URL")


def test_compose_can_give_the_same_secrets_as_files(tmp_path):
    overlay = yaml.safe_load((DEPLOY.parent / "docker-compose.secrets.yml").read_text())
    write_installation(tmp_path, "mqtt.example.org", demo=False)
    env = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    for name, service in overlay["services"].items():
        files = {one["target"]: tmp_path / overlay["secrets"][one["source"]]["file"] for one in service["secrets"]}
        empty = {key for key, value in service["environment"].items() if not value}
        assert files.keys() <= empty
        for target, path in files.items():
            variable = COMPOSE[name]["environment"].get(target, "").partition("{")[2].partition(":")[0]
            assert path.read_text().strip() == env[variable], f"{name}: {target}"
    assert set(overlay["services"]) == SETTINGS.keys() | {"migrate"}


@pytest.mark.parametrize("name", ["broker", "database"])
def test_servers_are_the_images_and_files_of_compose(name):
    image = container(name)["image"]
    [pinned] = [one for one in ROOT["images"] if one["name"] == image.partition(":")[0]]
    assert f":-{image}@{pinned['digest']}}}" in COMPOSE[name]["image"]
    [files] = [one["files"] for one in ROOT["configMapGenerator"] if one["name"] == name]
    mounted = {volume.split(":")[0].removeprefix("./deploy/") for volume in COMPOSE[name]["volumes"]}
    assert set(files) <= mounted


def start_lines():
    """Return the shell lines that start a broker, of compose and of both in Kubernetes."""
    second, *_ = yaml.safe_load_all((DEPLOY / "kubernetes/second-broker.yaml").read_text())
    [other] = second["spec"]["template"]["spec"]["containers"]
    return [COMPOSE["broker"]["command"][-1], container("broker")["command"][-1], other["command"][-1]]


@pytest.mark.parametrize("line", start_lines())
def test_a_broker_whose_accounts_cannot_be_read_is_not_started_with_foreign_ones(line, tmp_path):
    data, secret, broker = (tmp_path / name for name in ("data", "mqtt_accounts", "mosquitto"))
    data.mkdir()
    broker.write_text(f"#!/bin/sh\ntest -e {data}/accounts.json || echo foreign >{data}/accounts.json\n")
    broker.chmod(0o755)
    for there, here in (
        ("/mosquitto/data", data),
        ("/run/secrets/mqtt_accounts", secret),
        ("/usr/sbin/mosquitto", broker),
    ):
        line = line.replace(there, str(here))
    secret.mkdir()  # nobody can read it as a file, not even root
    assert subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True).returncode == 1
    assert not (data / "accounts.json").exists()
    secret.rmdir()
    for content in ("ours", "of a later backup"):  # the second is only another beginning
        secret.write_text(content)
        subprocess.run(["/bin/sh", "-c", line], check=True)
        assert (data / "accounts.json").read_text() == "ours"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_broker_of_compose_makes_accounts_its_own_that_were_put_into_its_volume(tmp_path):
    accounts = tmp_path / "accounts.json"
    accounts.write_text("put there by docker cp")
    os.chown(accounts, 12345, 12345)
    line = start_lines()[0].replace("/mosquitto/data", str(tmp_path)).replace("exec /usr/sbin/mosquitto", "true")
    subprocess.run(["/bin/sh", "-c", line], check=True)
    assert (accounts.read_text(), accounts.stat().st_uid) == ("put there by docker cp", 0)
    assert accounts.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["broker", "database"])
def test_a_server_that_reads_for_long_as_it_begins_is_not_ended_before_it_has_read(name):
    starts = container(name)["startupProbe"]
    assert starts["periodSeconds"] * starts["failureThreshold"] >= 3600
    assert COMPOSE[name]["healthcheck"]["start_period"] == "1h"


def test_no_image_is_whatever_is_newest():
    for one in ROOT["images"]:
        assert one.get("newTag", "") != "latest"
        assert one.get("digest") or any(letter.isdigit() for letter in one["newTag"]), one


def policies():
    return {one["metadata"]["name"]: one["spec"] for one in OBJECTS if one["kind"] == "NetworkPolicy"}


def blocks_of(policy):
    """Return (addresses, ports) of what a policy lets its pods call outside the cluster."""
    rules = [(rule, peer) for rule in policy.get("egress", ()) for peer in rule["to"]]
    return [(peer["ipBlock"], rule.get("ports")) for rule, peer in rules if "ipBlock" in peer]


def test_only_who_has_to_call_the_world_may():
    inside = policies()["inside"]
    assert inside["podSelector"] == {}
    assert set(inside["policyTypes"]) == {"Ingress", "Egress"}
    outside = {name: blocks_of(spec) for name, spec in policies().items() if blocks_of(spec)}
    assert outside.keys() == {"inside", "calls"}
    [(names, ports)] = outside["inside"]  # the node's own cache of names, and nothing else at its address
    assert names == {"cidr": "169.254.0.0/16"}
    assert ports == [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    [expression] = policies()["calls"]["podSelector"]["matchExpressions"]
    assert expression == {"key": "app", "operator": "In", "values": ["alerts", "api", "api-2", "push"]}
    assert all(block["except"] for block, _ in outside["calls"])  # the nodes' metadata


def test_nobody_is_believed_about_who_asks_until_somebody_names_the_ingress():
    [value] = [one["value"] for one in container("api")["env"] if one["name"] == "FIRETOWER_TRUSTED_PROXIES"]
    trusted = ApiSettings(trusted_proxies=value).trusted_proxies
    assert trusted  # it stands there to be replaced
    nobodys = ip_network("192.0.2.0/24")
    assert all(network.subnet_of(nobodys) for network in trusted), "whose clients of the county lie in there?"


def test_containers_are_closed():
    servers = [(container(name), workload(name)["template"]["spec"]) for name in ("broker", "database")]
    programs = [(one, EVERY_PROGRAM) for one in (*EVERY_PROGRAM["containers"], *EVERY_PROGRAM["initContainers"])]
    for part, pod in servers + programs:
        assert part["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
    for name in SETTINGS:
        assert "securityContext" not in container(name)  # nothing opens what the shared part closes


def test_services_find_their_pods_and_ports():
    for service in (one for one in OBJECTS if one["kind"] == "Service"):
        name = service["spec"]["selector"]["app"]
        assert workload(name)["template"]["metadata"]["labels"] == {"app": name}
        ports = {port["name"] for port in container(name)["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    outside = {one["metadata"]["name"] for one in OBJECTS if one.get("spec", {}).get("type") == "LoadBalancer"}
    assert outside == {"broker-devices", "gateway"}


def by_name(objects):
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


def test_the_parts_of_a_second_broker_are_those_of_the_first():
    text = (DEPLOY / "kubernetes/second-broker.yaml").read_text()
    second = by_name(yaml.safe_load_all(text.replace("-2", "").replace("_URL_2", "_URL")))
    assert {name for _, name in second} == {"broker", "broker-devices", "ingest", "gateway", "api"}
    env = second["StatefulSet", "ingest"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env.pop()["name"] == "FIRETOWER_INGEST_AREAS"
    first = by_name(OBJECTS)
    assert second == {key: first[key] for key in second}


def test_every_address_of_a_second_broker_is_made_by_the_production_script(tmp_path):
    write_installation(tmp_path, "mqtt.example.org", demo=False)
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    wanted = set(re.findall(r"FIRETOWER_\w+_2", (DEPLOY / "kubernetes/second-broker.yaml").read_text()))
    compose = (DEPLOY.parent / "docker-compose.second-broker.yml").read_text()
    assert wanted == set(re.findall(r"\$\{(FIRETOWER_\w+_URL_2)", compose))
    assert {name: made[name] for name in wanted} == {
        "FIRETOWER_MQTT_URL_2": made["FIRETOWER_MQTT_URL"].replace("@broker:", "@broker-2:"),
        "FIRETOWER_MQTT_PROVISIONER_URL_2": made["FIRETOWER_MQTT_PROVISIONER_URL"].replace("@broker:", "@broker-2:"),
        "FIRETOWER_DEVICE_MQTT_URL_2": "mqtts://mqtt.example.org:8884",
    }


class _Compose(yaml.SafeLoader):
    """Reads compose's `!override` as what it stands before."""


_Compose.add_constructor(
    "!override",
    lambda loader, node: (
        loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_mapping(node, deep=True)
    ),
)


def test_a_second_broker_in_compose_shares_no_port_and_no_folder_with_the_first():
    text = (DEPLOY.parent / "docker-compose.second-broker.yml").read_text()
    services = yaml.load(text, Loader=_Compose)["services"]  # noqa: S506 - a SafeLoader
    assert set(services) == {"ingest", "alerts", "broker-2", "ingest-2", "gateway-2", "api-2"}
    for name in set(services) - {"ingest", "alerts"}:
        first = COMPOSE[name.removesuffix("-2")]
        assert services[name]["extends"] == {"file": "docker-compose.yml", "service": name.removesuffix("-2")}
        assert bool(services[name].get("ports")) == bool(first.get("ports"))
        assert not set(services[name].get("ports", ())) & set(first.get("ports", ()))
        [folder] = services[name]["volumes"]  # in the place of the first one's
        assert folder.partition(":")[2] in {one.partition(":")[2] for one in first["volumes"]}
        assert folder not in first["volumes"]
        assert name == "broker-2" or set(services[name]["depends_on"]) == {"migrate", "broker-2"}


def test_the_certificates_that_brokers_show_to_devices_are_watched_wherever_there_are_brokers():
    second = yaml.load((DEPLOY.parent / "docker-compose.second-broker.yml").read_text(), Loader=_Compose)  # noqa: S506
    for services, brokers in ((COMPOSE, ["broker"]), (second["services"], ["broker", "broker-2"])):
        value = services["alerts"]["environment"]["FIRETOWER_WATCH_CERTIFICATES"]
        assert value.partition(":-")[2] == ",".join(f"mqtts://{name}:8883" for name in brokers) + "}"
    [here] = [one["value"] for one in container("alerts")["env"] if one["name"] == "FIRETOWER_WATCH_CERTIFICATES"]
    assert here == "mqtts://broker-devices:8883"
