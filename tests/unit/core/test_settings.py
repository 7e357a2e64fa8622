import pytest

from services.core.errors import BadSetting
from services.core.settings import (
    AlertsSettings,
    ApiSettings,
    BackupSettings,
    GatewaySettings,
    IngestSettings,
    MqttSettings,
    RelaySettings,
    Settings,
)


def test_areas_are_read_from_a_list_and_empty_means_all(monkeypatch):
    assert IngestSettings.read().ingest_areas == ()
    monkeypatch.setenv("FIRETOWER_INGEST_AREAS", " 140931100, 140931101 ,")
    assert IngestSettings.read().ingest_areas == ("140931100", "140931101")


def test_the_broker_address_comes_in_parts(monkeypatch):
    monkeypatch.setenv("FIRETOWER_MQTT_URL", "mqtts://user:p%40ss@broker:8884")
    url = MqttSettings.read().mqtt
    assert (url.scheme, url.hostname, url.port, url.username) == ("mqtts", "broker", 8884, "user")


def test_a_base_map_is_a_file_of_any_name_that_exists_or_tianditu(monkeypatch, tmp_path):
    files = tmp_path / "county.pmtiles", tmp_path / "county.pmtiles.2026"
    for file in files:
        file.write_bytes(b"PMTiles")
    for value in ("", *map(str, files), "tianditu:key"):
        monkeypatch.setenv("FIRETOWER_BASEMAP", value)
        assert ApiSettings.read().basemap == value


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (MqttSettings, "FIRETOWER_MQTT_URL", "http://broker"),
        (MqttSettings, "FIRETOWER_MQTT_URL", "broker:1883"),
        (MqttSettings, "FIRETOWER_MQTT_URL", "mqtt://broker:99999"),
        (MqttSettings, "FIRETOWER_MQTT_URL", "mqtt://[broker"),
        (Settings, "FIRETOWER_DATABASE_URL", "mysql://host/db"),
        (Settings, "FIRETOWER_DATABASE_URL", "postgresql://host:port/db"),
        (Settings, "FIRETOWER_DATABASE_URL", "postgresql://h1,h2/db?target_session_attrs=writable"),
        (Settings, "FIRETOWER_DATABASE_URL", "postgresql://host/db?sslmode=on"),
        (MqttSettings, "FIRETOWER_MQTT_URL", "mqtt://my broker:1883"),
        (MqttSettings, "FIRETOWER_MQTT_URL", "mqtt://user:12#34@broker:1883"),  # host `user`, port 12
        (MqttSettings, "FIRETOWER_MQTT_URL", "mqtt://user:12?34@broker:1883"),
        (Settings, "FIRETOWER_DATABASE_URL", "postgresql://user:12/34@host:5432/db"),
        (Settings, "FIRETOWER_DATABASE_URL", "postgresql://user:12#34@host:5432/db"),
        (Settings, "FIRETOWER_STATE_DIR", ""),
        (Settings, "FIRETOWER_STATE_DIR", "/srv/firetower "),
        (Settings, "FIRETOWER_STATE_DIR", "/dev/null"),
        (Settings, "FIRETOWER_STATE_DIR", "/dev/null/below/it"),
        (Settings, "FIRETOWER_READY_FILE", "/run/ready\r"),
        (BackupSettings, "FIRETOWER_BACKUP_DIR", "/mnt/nas\r"),
        (BackupSettings, "FIRETOWER_BACKUP_EVERY_H", "inf"),
        (BackupSettings, "FIRETOWER_BACKUP_EVERY_H", "1e12"),
        (BackupSettings, "FIRETOWER_BACKUP_DIR", '"/mnt/nas"'),
        (BackupSettings, "FIRETOWER_BACKUP_DIR", "/mnt/nas\u200b"),
        (AlertsSettings, "FIRETOWER_DISPATCH_URL", "\ufeffhttp://desk/"),
        (BackupSettings, "FIRETOWER_BACKUP_ALSO", "/etc/ssl: /srv/maps"),
        (RelaySettings, "FIRETOWER_RELAY_API_KEY", "'ft_x'"),
        (AlertsSettings, "FIRETOWER_DISPATCH_URL", "http://the desk/notices"),
        (AlertsSettings, "FIRETOWER_HEARTBEAT_URL", "https://watch.example/ping\t1"),
        (AlertsSettings, "FIRETOWER_DISPATCH_SECRET", "hunter2"),
        (AlertsSettings, "FIRETOWER_DISPATCH_SECRET", "whsec_"),
        (AlertsSettings, "FIRETOWER_DISPATCH_SECRET", "whsec_not base64!"),
        (ApiSettings, "FIRETOWER_API_HOST", ""),
        (ApiSettings, "FIRETOWER_API_HOST", "no such host"),
        (ApiSettings, "FIRETOWER_API_HOST", "no-such-host.invalid"),
        (ApiSettings, "FIRETOWER_API_HOST", "not_an_address"),
        (ApiSettings, "FIRETOWER_API_HOST", "203.0.113.999"),
        (ApiSettings, "FIRETOWER_API_HOST", "203.0.113"),
        (GatewaySettings, "FIRETOWER_GATEWAY_HOST", "no-such-host.invalid"),
        (AlertsSettings, "FIRETOWER_METRICS_HOST", "nonsense.invalid"),
        (GatewaySettings, "FIRETOWER_GATEWAY_HOST", "gateway..county"),
        (GatewaySettings, "FIRETOWER_GATEWAY_AREA", "14"),
        (Settings, "FIRETOWER_LOG_LEVEL", "loud"),
        (IngestSettings, "FIRETOWER_INGEST_AREAS", "140931100,baode"),
        (IngestSettings, "FIRETOWER_RETENTION_DAYS", "30"),
        (IngestSettings, "FIRETOWER_RETENTION_DAYS", "999999"),
        (AlertsSettings, "FIRETOWER_RETENTION_DAYS", "36501"),
        (ApiSettings, "FIRETOWER_RETENTION_DAYS", "36501"),
        (ApiSettings, "FIRETOWER_BASEMAP", "nowhere/county.osm"),
        (AlertsSettings, "FIRETOWER_DISPATCH_CODES", __file__),
        (ApiSettings, "FIRETOWER_TIANDITU_URL", "https://tiles.example/{x}/{y}"),
        (ApiSettings, "FIRETOWER_TIANDITU_URL", "tiles/{x}/{y}/{z}"),
        (ApiSettings, "FIRETOWER_TIANDITU_URL", "https://tiles.example/{x}/{y}/{z}/{secret}"),
        (ApiSettings, "FIRETOWER_TIANDITU_URL", "https://t{x}.tiles.example/{x}/{y}/{z}"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(monkeypatch, model, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting) as caught:
        model.read()
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


def test_an_account_that_cuts_an_address_in_two_is_refused_with_the_way_to_write_it(monkeypatch):
    for value in ("postgresql://user:pa#ss@host/db", "postgresql://user:1#2@host/db"):
        monkeypatch.setenv("FIRETOWER_DATABASE_URL", value)
        with pytest.raises(BadSetting, match="# as %23") as caught:
            Settings.read()
        assert "pa#ss" not in str(caught.value)
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", "postgresql://user:p%23%40ss@host/db?options=-c%20a@b")
    Settings.read()


PATHS = [
    (Settings, "ready_file"), (IngestSettings, "reserve_file"), (AlertsSettings, "dispatch_codes"),
    (ApiSettings, "layers_dir"), (BackupSettings, "backup_dir"), (BackupSettings, "backup_passphrase_file"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "field"), PATHS)
def test_a_path_that_is_left_empty_is_none_and_not_the_folder_we_are_in(monkeypatch, model, field):
    monkeypatch.setenv(f"FIRETOWER_{field}".upper(), "")
    assert getattr(model.read(), field) is None


def test_the_key_of_the_evidence_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("FIRETOWER_AUDIT_SECRET", '"old\r"')
    assert AlertsSettings.read().audit_secret.get_secret_value() == '"old\r"'


def test_a_host_is_one_that_we_can_listen_on_and_a_secret_one_that_signs(monkeypatch):
    monkeypatch.setenv("FIRETOWER_DISPATCH_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    for host in ("127.0.0.2", "127.1", "0", "localhost"):
        monkeypatch.setenv("FIRETOWER_API_HOST", host)
        assert ApiSettings.read().api_host == host
    assert AlertsSettings.read().dispatch_secret.get_secret_value().startswith("whsec_")


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (ApiSettings, "FIRETOWER_BASEMAP", "/mnt/nas/county.pmtiles"),
        (ApiSettings, "FIRETOWER_API_HOST", "192.0.2.1"),
        (GatewaySettings, "FIRETOWER_GATEWAY_HOST", "192.0.2.1"),
        (AlertsSettings, "FIRETOWER_DISPATCH_CODES", "/mnt/nas/codes.json"),
        (AlertsSettings, "FIRETOWER_METRICS_HOST", "192.0.2.1"),
    ],
)
def test_a_value_that_is_well_formed_is_taken_although_what_it_names_is_away_now(monkeypatch, model, name, value):
    monkeypatch.setenv(name, value)
    model.read()


def test_a_relay_without_one_of_its_settings_is_refused_by_its_name(monkeypatch):
    whole = {
        "RELAY_MQTT_URL": "mqtts://relay.x:y@county.example:8883", "RELAY_API_URL": "https://county.example",
        "RELAY_API_KEY": "ft_x", "RELAY_AREAS": "140931100,140931101",
    }  # fmt: skip
    for left_out in (None, *whole):
        for name, value in whole.items():
            monkeypatch.setenv(f"FIRETOWER_{name}", "" if name == left_out else value)
        settings = RelaySettings.read()
        if left_out is None:
            settings.require_whole()
            assert (settings.relay_mqtt.hostname, settings.relay_areas) == (
                "county.example",
                ("140931100", "140931101"),
            )
        else:
            with pytest.raises(BadSetting, match=f"^FIRETOWER_{left_out}: is empty"):
                settings.require_whole()
