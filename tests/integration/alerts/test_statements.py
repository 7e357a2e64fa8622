from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.alerts import bench, clocks, deliver, figures, health, readings, refused_events, unreadable
from services.core.statements import load_queries
from services.gateway import registry as panels
from services.ingest import commands
from services.push import numbering
from tests.support.county import County

FILES = sorted(path for folder in ("alerts", "core", "push") for path in Path("services", folder).rglob("*.sql"))


async def test_every_statement_is_understood_by_the_database(county: County) -> None:
    faults = []
    for path in FILES:
        for name, statement in load_queries(str(path), path.name).items():
            try:
                await county.conn.prepare(statement.replace("{table}", "reading_hydrant"))
            except Exception as error:  # noqa: BLE001 - named below
                faults.append(f"{path}: {name}: {error}")
    assert not faults


async def test_what_is_asked_every_second_goes_by_an_index_in_the_second_year(county: County) -> None:
    """A scan of two million rejects took half a second, one of a year's notices a tenth, in front of every fire."""
    await county.add_device("panel-1")
    now = datetime.now(UTC)
    for statement in (
        """insert into reject (received_at, batch_id, device_id, topic, payload, reason, detail)
           select now() - n * interval '1 second', 1200 - n / 50, id, 'fire/v1/1409/panel/p/up/event', '{}', 'x', ''
           from device, generate_series(1, 60000) n""",
        """insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, updated_at)
           select 'system', 'x', 'system', 'minor', 'closed', '', '', at, at
           from (select now() - n * interval '10 minutes' as at from generate_series(1, 20000) n) t""",
        """insert into alarm_transition (alarm_id, number, at, actor, act, outcome, to_state, previous, hash)
           select id, 1, opened_at, 'rule:x', 'raise', 'opened', 'closed', '', '' from alarm""",
        """insert into alarm_timer (alarm_id, step, due_at, channels, until, done_at)
           select id, 1, opened_at, '{sms}', 'closed', opened_at from alarm""",
        """insert into notice (id, alarm_id, number, type, channel, fire, state, body, created_at, due_at, dead_at)
           select gen_random_uuid(), id, 1, 'alarm.raised', 'desk', false,
                  case when id % 5000 = 0 then 'dead' else 'delivered' end, '{}', opened_at, opened_at, opened_at
           from alarm""",
        """insert into command (id, device_id, command, created_by, state, answer_by)
           select gen_random_uuid(), id, 'x', 't', 'replied', now() from device, generate_series(1, 20000)""",
        """insert into device (code, kind, area)
           select 'h-' || n, 'hydrant', area from device, generate_series(1, 5000) n""",
        "insert into device_state (device_id) select id from device on conflict do nothing",
        "analyze",
    ):
        await county.conn.execute(statement)
    newest, since, until = list(range(1160, 1200)), now - timedelta(days=7), now + timedelta(days=7)
    for statement, arguments, index in (
        (refused_events.SQL["refused"], (newest, refused_events.MISPLACED), "reject_batch"),
        (refused_events.SQL["refused"], (newest, None), "reject_batch"),
        (readings.SQL["bad_clocks"], (newest, since, until), "reject_batch"),
        (health.SQL["dispatch"], (now, now), "notice_unsettled"),
        (health.SQL["dispatch"], (now, now), "notice_delivered"),
        (health.SQL["dispatch"], (now, now), "notice_sent_again"),
        (clocks.SQL["is_due"], (now, now), "alarm_changed"),
        (deliver.SQL["counts"], (), "notice_unsettled"),
        (figures.SQL["chattering"], (now,), "alarm_changed"),
        (bench.SQL["closed_by_people"], (now,), "alarm_changed"),
        (commands.QUERIES["unanswered"], (), "command_sent"),
        (unreadable.SQL["refused_devices"], ([], unreadable.AT_ONCE, 0), "device_state_refused"),
        (numbering.SQL["tell_ended"], (), "device_service_end"),
        ("select from notice where incident_id = $1", (1,), "notice_incident"),  # the key's check at each deleted one
        (panels.QUERIES["panels"], (), "device_panel"),
    ):
        plan = "\n".join(row[0] for row in await county.conn.fetch(f"explain {statement}", *arguments))
        assert index in plan, plan
        assert "Seq Scan" not in plan.replace("Seq Scan on subscription_clock", "its one row"), plan
