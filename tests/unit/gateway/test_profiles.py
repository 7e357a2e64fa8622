import pytest

from services.core.errors import BadSetting
from services.gateway.profiles import load_profiles


def write(tmp_path, text):
    path = tmp_path / "profiles.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_profile_of_the_operator_extends_one_of_ours_and_its_rules_come_first(tmp_path):
    path = write(
        tmp_path,
        '{"acme": {"extends": "standard", "networks": ["10.7.0.0/16"], "utc_offset_min": 0,'
        ' "analogs": [{"analog": 5, "kind": "water", "field": "level_m", "factor": 0.102}]}}',
    )
    acme = load_profiles(path)["acme"]
    assert acme.analogs[0].field == "level_m"
    assert len(acme.analogs) == len(load_profiles()["standard"].analogs) + 1
    assert (acme.utc_offset_min, acme.checksum) == (0, "sum8")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True), ("10.9.8.7", True), ("8.8.8.8", False), ("::1", True), ("fe80::1%eth0", False),
        ("::ffff:10.1.1.1", True), ("", False), ("example", False),
    ],
)  # fmt: skip
def test_only_the_networks_of_a_profile_may_call(host, allowed):
    assert load_profiles()["standard"].allows(host) is allowed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected an object of profiles"),
        ('{"a": {"extends": "b"}}', "profile a extends b"),
        ('{"a": {"networks": ["10.0.0.1/8"]}}', "profile a, networks.0"),
        ('{"a": {"extends": "standard", "silence_limit_s": 9999}}', "profile a, silence_limit_s"),
        (
            '{"a": {"networks": [], "analogs": [{"analog": 5, "kind": "water", "field": "depth"}]}}',
            "kind water has no field depth",
        ),
    ],
)
def test_a_bad_profile_is_named_with_its_field(tmp_path, text, message):
    with pytest.raises(BadSetting, match=message):
        load_profiles(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadSetting, match=r"none\.json"):
        load_profiles(tmp_path / "none.json")
