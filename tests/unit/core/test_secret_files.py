import os

import pytest

from services.core.errors import BadSetting
from services.core.secret_files import take_secret_files
from services.core.settings import AlertsSettings

DSN = "postgresql://firetower:secret@database/firetower"


def test_a_file_counts_as_if_the_environment_had_said_it(tmp_path, monkeypatch):
    (tmp_path / "FIRETOWER_DATABASE_URL").write_text(DSN + "\n")
    (tmp_path / "FIRETOWER_DISPATCH_SECRET").write_text("whsec_c2VjcmV0")
    (tmp_path / "server.key").write_text("of somebody else")
    monkeypatch.setenv("FIRETOWER_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("FIRETOWER_DISPATCH_SECRET", "")  # as compose says what nobody set
    monkeypatch.setenv("FIRETOWER_DATABASE_URL", "")
    take_secret_files(os.environ)
    settings = AlertsSettings.read()
    assert settings.database_url == DSN
    assert settings.dispatch_secret.get_secret_value() == "whsec_c2VjcmV0"
    assert "FIRETOWER_SECRETS_DIR" not in os.environ


def test_files_are_found_the_way_kubernetes_links_them(tmp_path):
    (tmp_path / "..2026_11_29").mkdir()
    (tmp_path / "..2026_11_29/FIRETOWER_MQTT_URL").write_text("mqtt://broker")
    (tmp_path / "..data").symlink_to("..2026_11_29")
    (tmp_path / "FIRETOWER_MQTT_URL").symlink_to("..data/FIRETOWER_MQTT_URL")
    environment = {"FIRETOWER_SECRETS_DIR": str(tmp_path)}
    take_secret_files(environment)
    assert environment == {"FIRETOWER_MQTT_URL": "mqtt://broker"}


@pytest.mark.parametrize("folder", [None, ""])
def test_without_a_folder_nothing_changes(folder):
    environment = {"FIRETOWER_MQTT_URL": "mqtt://broker"} | ({} if folder is None else {"FIRETOWER_SECRETS_DIR": ""})
    take_secret_files(environment)
    assert environment == {"FIRETOWER_MQTT_URL": "mqtt://broker"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.write_bytes(b"\xffsecret"),
        lambda path: path.write_bytes(b"secret\0"),
        lambda path: path.write_bytes(b"secret\nand another\n"),
        lambda path: path.write_bytes(b"secret" * 20_000),
    ],
    ids=["folder", "broken link", "no text", "NUL", "two lines", "too large"],
)
def test_a_file_that_cannot_be_used_is_one_line_that_names_it_and_keeps_the_secret(tmp_path, spoil):
    spoil(tmp_path / "FIRETOWER_DATABASE_URL")
    with pytest.raises(BadSetting) as caught:
        take_secret_files({"FIRETOWER_SECRETS_DIR": str(tmp_path)})
    said = str(caught.value)
    assert said.startswith("FIRETOWER_DATABASE_URL: ")
    assert "\n" not in said
    assert "secret" not in said.replace(str(tmp_path), "")


def test_a_setting_is_given_once(tmp_path):
    (tmp_path / "FIRETOWER_DATABASE_URL").write_text(DSN)
    with pytest.raises(BadSetting, match="FIRETOWER_DATABASE_URL: is set, and is a file"):
        take_secret_files({"FIRETOWER_SECRETS_DIR": str(tmp_path), "FIRETOWER_DATABASE_URL": "postgresql://x/y"})


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadSetting, match=r"FIRETOWER_SECRETS_DIR: .*nowhere cannot be read"):
        take_secret_files({"FIRETOWER_SECRETS_DIR": str(tmp_path / "nowhere")})
