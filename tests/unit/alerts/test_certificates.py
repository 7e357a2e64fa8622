"""Certificates are told early enough to plan and again when it is urgent, and not where they renew by themselves."""

from datetime import UTC, datetime, timedelta

import pytest

from services.alerts.certificates import Term, judge, watched
from services.core.errors import BadSetting
from services.core.settings import AlertsSettings

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
NAME = "mqtts://broker:8883"


def verdict(whole_days: float, left_days: float) -> str | None:
    ends = NOW + timedelta(days=left_days)
    found = judge(NAME, Term(ends - timedelta(days=whole_days), ends), NOW)
    return None if found is None else found.severity.value


@pytest.mark.parametrize(
    ("whole_days", "left_days", "severity"),
    [
        (3650, 30.1, None),
        (3650, 30, "minor"),
        (3650, 7.1, "minor"),
        (3650, 7, "major"),
        (3650, 0.01, "major"),
        (3650, 0, "critical"),
        (3650, -400, "critical"),
        (90, 30, None),  # renewed by itself about now
        (90, 22, "minor"),
        (90, 7, "major"),
        (6, 2, None),  # short-lived ones are renewed at two days
        (6, 1.5, "minor"),
        (6, 0.5, "major"),
        (0.5, 0.16, None),  # an authority of a proxy's own
    ],
)
def test_a_certificate_is_told_by_what_is_left_of_its_time(
    whole_days: float, left_days: float, severity: str | None
) -> None:
    assert verdict(whole_days, left_days) == severity


def test_the_reason_names_the_address_the_day_and_the_cure() -> None:
    found = judge(NAME, Term(NOW - timedelta(days=3640), NOW + timedelta(days=10)), NOW)
    assert found is not None
    assert (found.code, found.component, found.value, found.limit) == ("certificate_expiring", NAME, 10, 30)
    for text in (NAME, "2026-12-10 16:00"):
        assert text in found.reason.zh
        assert text in found.reason.en
    assert "renew it" in found.reason.en
    assert "更新证书" in found.reason.zh


def test_what_is_watched_is_named_or_stands_in_the_settings_with_tls() -> None:
    settings = AlertsSettings(
        watch_certificates="mqtts://broker:8883, https://fire.county.example",
        mqtt_url="mqtt://user:password@broker:1883",
        device_mqtt_url="mqtts://broker",
        dispatch_url="https://user:password@[fd00::1]/hook",
        relay_mqtt_url="mqtts://relay.a:b@county.example:8884",
        relay_api_url="http://county.example",
    )
    assert [(one.name, one.host, one.port) for one in watched(settings)] == [
        ("mqtts://broker:8883", "broker", 8883),
        ("https://fire.county.example:443", "fire.county.example", 443),
        ("https://[fd00::1]:443", "fd00::1", 443),
        ("mqtts://county.example:8884", "county.example", 8884),
    ]
    assert watched(AlertsSettings()) == []


@pytest.mark.parametrize("value", ["fire.county.example", "http://fire.county.example", "https://a b", "mqtts://"])
def test_an_address_without_a_certificate_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("FIRETOWER_WATCH_CERTIFICATES", value)
    with pytest.raises(BadSetting, match="FIRETOWER_WATCH_CERTIFICATES: must"):
        AlertsSettings.read()
