"""Ways to break what alerts works on, each the act of a bad row, a person or a fault of ours."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.support.county import County
from tests.support.waiting import eventually

Deed = Callable[[County], Awaitable[object]]


def poison(table: str, when: str) -> str:
    """A trigger that refuses certain rows, as a bad value would: the database itself says no."""
    return f"""
        create function poisoned() returns trigger language plpgsql as $$
        begin raise exception 'poisoned row' using errcode = 'check_violation'; end $$;
        create trigger poisoned before insert or update on {table} for each row when ({when})
            execute function poisoned();
    """


async def send_poisoned_fire(county: County) -> None:
    await county.conn.execute(poison("alarm", "new.component = 'bad'"))
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "bad"}])


async def send_poisoned_fault(county: County) -> None:
    await county.conn.execute(poison("alarm", "new.component = 'bad'"))
    batch = [{"device": "panel-1", "type": "fault", "component": name} for name in ("good-1", "bad", "good-2")]
    await county.send_events(batch)


async def send_poisoned_reading(county: County) -> None:
    await county.conn.execute(poison("alarm", "new.code = 'hydrant_tilt'"))
    await county.send_readings("hydrant", [{"device": "hydrant-1", "tilt_deg": 40.0, "pressure_mpa": 0.01}])
    await county.send_readings("hydrant", [{"device": "hydrant-1", "tilt_deg": 41.0, "pressure_mpa": 0.01}])


async def break_a_clock(county: County) -> None:
    """Alarms whose memory holds no times, while their moment comes, a device falls silent and another is maintained."""
    await county.send_events([{"device": "panel-1", "type": "fault", "component": "old"}])
    await eventually(lambda: county.alarms("component = 'old'"), what="the fault")
    broken = dict.fromkeys(("raise_at", "retell_at", "out_of_service_until", "last_at", "grouped", "told"), "never")
    await county.conn.execute("update device set out_of_service_until = now() + interval '1 h' where code = 'panel-1'")
    await county.conn.execute("update alarm set due_at = now(), life = $1", broken)
    await county.send_readings("hydrant", [{"device": "hydrant-1", "pressure_mpa": 0.01}])
    await eventually(lambda: county.alarms("a.code = 'hydrant_pressure_low'"), what="another alarm of that area")


async def break_a_sites_evidence(county: County) -> None:
    site = await county.add_site("老楼")
    await county.add_device("panel-old", site_id=site)
    await county.conn.execute(
        "insert into fire_scope (scope, evidence) values ($1, $2)", f"site:{site}", [{"kind": "?"}, 7]
    )
    await county.send_events([{"device": "panel-old", "type": "fire", "component": "d1"}])
    await eventually(lambda: county.alarms("a.code = 'fire' and a.component = 'd1'"), what="the fire of that very site")


async def break_a_rule_state(county: County) -> None:
    device_id = county.id_of("hydrant-1")
    await county.conn.execute(
        "insert into rule_state (device_id, state, batch_id, updated_at) values ($1, $2, 0, now())",
        device_id,
        {"form": 1, "kind": "hydrant", "rules": 5, "clock": [], "recent": "no"},
    )
    await county.send_readings("hydrant", [{"device": "hydrant-1", "pressure_mpa": 0.3}])


async def break_a_silent_device(county: County) -> None:
    await county.conn.execute(poison("alarm", "new.code = 'device_offline'"))
    await county.conn.execute("update device_state set last_seen = now() - interval '2 days'")
    await county.set_watermark(datetime.now(UTC) + timedelta(minutes=10), datetime.now(UTC) - timedelta(days=3))


async def break_the_nearest_water(county: County) -> None:
    """A hydrant whose newest pressure is no number, beside the very place that will burn."""
    await county.add_device("hydrant-2", "hydrant", lon=111.09, lat=39.02)
    state = {"pressure_mpa": "n/a"}
    await county.conn.execute(
        "update device_state set state = $1 where device_id = $2", state, county.id_of("hydrant-2")
    )


async def break_our_own_health(county: County) -> None:
    await county.conn.execute(poison("alarm", "new.code = 'storage_low'"))
    await county.set_policy("health", storage_low_pct=0, storage_fine_pct=0)


async def break_a_contact(county: County) -> None:
    await county.set_policy(
        "escalation", steps=[{"code": "fault", "after_s": 0, "channels": ["webhook"], "until": "closed"}]
    )
    await county.conn.execute(
        """insert into contact (name, channel, address, settings)
           values ('a', 'webhook', 'http://127.0.0.1:9/', '{"headers": "Authorization: Bearer abc"}')"""
    )
    await county.send_events([{"device": "panel-1", "type": "fault", "component": "called"}])
    await eventually(lambda: county.conn.fetch("select from alarm_timer where done_at is not null"), what="the step")


async def break_a_policy(county: County) -> None:
    await county.set_policy("fire_clocks", suspected_s="soon", probable_s=float("inf"))
    await county.set_policy("escalation", steps=[{"code": "fires"}, 7, {"code": "fire", "channels": "SMS"}])


async def break_a_stage(county: County) -> None:
    await county.conn.execute("alter table rule_parameter rename to rule_parameter_gone")


ERRORS = ("CheckViolationError: poisoned row", "UndefinedTableError: ", "PolicyFault: ")


class Trouble(NamedTuple):
    """What is broken, and the kind under which it is set aside (None: it is mended on the way)."""

    make: Deed
    kind: str | None


TABLE = {
    "a fire that the database refuses": Trouble(send_poisoned_fire, "event"),
    "an event that the database refuses": Trouble(send_poisoned_fault, "event"),
    "a finding that the database refuses": Trouble(send_poisoned_reading, "finding"),
    "an alarm whose memory is no memory": Trouble(break_a_clock, None),
    "evidence that is none": Trouble(break_a_sites_evidence, None),
    "a rule state that is none": Trouble(break_a_rule_state, None),
    "a silence that cannot be raised": Trouble(break_a_silent_device, "silence"),
    "water whose pressure is no number": Trouble(break_the_nearest_water, None),
    "policies that are none": Trouble(break_a_policy, "policy"),
    "rows that cannot even be read": Trouble(break_a_stage, "stage"),
    "our own health": Trouble(break_our_own_health, "health"),
    "a contact with settings that are none": Trouble(break_a_contact, None),
}
