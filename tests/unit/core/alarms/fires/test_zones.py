"""The zones of a panel that names no components: it has one fire alarm, wherever it burns."""

from __future__ import annotations

from dataclasses import replace

from services.core.alarms.fires.site import FireKey
from services.core.alarms.ledger.record import memory_from_json
from services.core.alarms.life.happenings import ActKind
from services.core.words import Reason, State
from tests.unit.core.alarms.fires.scene import WHY, Scene, fire


def test_a_fire_of_another_zone_of_a_panel_without_components_asks_again_once() -> None:
    """Such a panel has one alarm; who took its fire on the first floor knows nothing of the third."""
    site = Scene()
    site.happen(replace(fire(""), zone="1"))
    site.act(ActKind.ACKNOWLEDGE, "")
    upstairs = replace(fire(""), zone="3", reason=Reason("三层", "third floor"))
    for report, state, reason in (
        (replace(fire(""), zone="1"), State.ACKNOWLEDGED, WHY),
        (fire(""), State.ACKNOWLEDGED, WHY),
        (upstairs, State.UNACKNOWLEDGED, upstairs.reason),
    ):
        site.happen(report)
        assert (site.alarm("").state, site.alarm("").reason) == (state, reason)
    site.act(ActKind.ACKNOWLEDGE, "")
    site.restart()
    for zone in ("3", "1"):
        site.happen(replace(fire(""), zone=zone))
    assert site.alarm("").state is State.ACKNOWLEDGED
    site.happen(replace(fire("d1"), zone="1"))
    site.act(ActKind.ACKNOWLEDGE, "d1")
    site.happen(replace(fire("d1"), zone="2"))
    assert site.alarm("d1").state is State.ACKNOWLEDGED, "a detector stays where it is, whatever its zone is called"


def test_a_new_fire_of_a_panel_without_components_is_in_its_own_zone_and_another_zone_asks_again() -> None:
    """An hour after the last report it is another fire: that the old one was in zone 1 says nothing of it."""
    site = Scene()
    site.happen(replace(fire(""), zone="1"))
    site.happen(replace(fire("d1"), zone="1"))
    for component in ("", "d1"):
        site.act(ActKind.ACKNOWLEDGE, component)
    first = site.alarm("").incident_id
    site.wait(3600)
    site.happen(replace(fire(""), zone="7"))
    site.happen(fire("d1"))
    assert (site.alarm("").zone, site.alarm("d1").zone) == ("7", "1"), "a detector stays where it is"
    assert site.alarm("").incident_id != first
    for zone, state in (("7", State.ACKNOWLEDGED), ("1", State.UNACKNOWLEDGED)):
        site.act(ActKind.ACKNOWLEDGE, "")
        site.happen(replace(fire(""), zone=zone))
        assert site.alarm("").state is state


def test_where_one_zone_of_a_panel_without_components_is_over_the_others_burn_on() -> None:
    site = Scene()
    for zone in ("1", "2"):
        site.happen(replace(fire(""), zone=zone))
    site.verify("real", "")
    site.happen(replace(fire("", active=False), zone="01"))
    site.happen(replace(fire("", active=False), zone="9"))
    site.restart()
    assert site.alarm("").active
    site.happen(replace(fire("", active=False), zone="2"))
    assert [one.state for one in site.closed] == [State.CLOSED]


def test_the_end_of_a_panels_fire_without_a_zone_or_of_one_that_named_none_is_of_all() -> None:
    for began, over in (("1", None), (None, "1")):
        site = Scene()
        site.happen(replace(fire(""), zone=began))
        site.happen(replace(fire("", active=False), zone=over))
        assert not site.alarm("").active


def test_a_panels_fire_of_an_earlier_release_which_kept_no_zones_ends_with_the_zone_that_the_panel_repeats() -> None:
    site = Scene()
    site.happen(replace(fire(""), zone="2"))
    before = {"causes": ["fire"], "raised_ts": site.now.isoformat(), "last_at": site.now.isoformat()}
    memory, _ = memory_from_json(before)
    key = FireKey("p1", "")
    site.site = replace(site.site, alarms={key: replace(site.alarm(""), memory=memory)})
    for zone in ("2", "3"):
        site.happen(replace(fire("", ts=site.now), zone=zone))
    site.happen(replace(fire("", active=False, ts=site.now), zone="3"))
    assert site.alarm("").active
    site.happen(replace(fire("", active=False, ts=site.now), zone="2"))
    assert not site.alarm("").active


def test_a_zone_that_is_over_in_a_test_leaves_the_other_one_a_clock_when_it_ends() -> None:
    site = Scene()
    site.window(10)
    for zone in ("1", "2"):
        site.happen(replace(fire(""), zone=zone))
    site.happen(replace(fire("", active=False), zone="1"))
    site.wait(600)
    assert site.alarm("").escalates_at is not None


def test_a_new_fire_in_one_zone_leaves_the_zone_that_burns_since_before() -> None:
    site = Scene()
    site.happen(replace(fire(""), zone="1"))
    site.wait(3600)
    site.happen(replace(fire(""), zone="7"))
    site.happen(replace(fire("", active=False), zone="7"))
    assert site.alarm("").active
