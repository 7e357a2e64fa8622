"""The surplus of strangers is one thing to look at: named, counted, and over when it is over."""

from services.gateway.flood import OVER_AFTER_S, TELL_EVERY_S, Flood


def test_a_refused_first_fire_is_told_at_once_as_a_fire():
    flood = Flood()
    flood.refuse(b"\x01\0\0\0\0\0", "10.0.0.9", 3, first=True, now=0)
    (report,) = flood.report(0)
    assert (report.type, report.active) == ("fire", True)
    assert report.extra["refused_fires"] == 3
    assert report.extra["addresses"] == ["010000000000"]
    assert report.extra["peers"] == ["10.0.0.9"]
    assert "3 次火警" in report.text
    assert "3 fires" in report.text


def test_thousands_are_one_report_a_minute_of_bounded_size():
    flood = Flood()
    told = []
    for n in range(6000):
        flood.refuse(n.to_bytes(6, "little"), f"10.0.{n % 12}.1", 1, first=True, now=n / 100)
        told += flood.report(n / 100)
    assert len(told) == 1
    (second,) = flood.report(TELL_EVERY_S)
    assert second.extra["refused_fires"] == 5999
    assert len(second.extra["addresses"]) == 20


def test_repeats_beyond_the_budget_of_known_strangers_are_no_new_fire():
    flood = Flood()
    for n in range(19):
        flood.refuse(b"known!", "p", 1, first=False, now=n)
    assert flood.report(19) == []  # a busy panel, perhaps
    flood.refuse(b"known!", "p", 1, first=False, now=19)
    (report,) = flood.report(19)
    assert report.type == "tamper"


def test_heartbeats_beyond_the_budget_are_counted_only():
    flood = Flood()
    for _ in range(1000):
        flood.refuse(b"beat!!", "p", 0, first=True, now=0)
    assert flood.report(0) == []


def test_a_flood_that_is_over_is_told_to_be_over_once():
    flood = Flood()
    flood.refuse(b"a" * 6, "p", 1, first=True, now=0)
    assert flood.report(0)
    assert flood.report(OVER_AFTER_S) == []
    (over,) = flood.report(OVER_AFTER_S + 1)
    assert (over.type, over.active) == ("fire", False)
    assert flood.report(2 * OVER_AFTER_S) == []
