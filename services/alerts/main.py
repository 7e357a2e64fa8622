"""`firetower alerts`: what ingest committed becomes alarms, and alarms become notices that the desk accepted.

Started by the command line. Promises one active worker and a hot standby. The program waits for a lost database; a
fault of its own ends it.
"""

import asyncio
import uuid
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial

import asyncpg

from services.alerts import duty, heartbeat
from services.alerts.anchors import Anchors, audit_key
from services.alerts.bench import LEASE, Bench
from services.alerts.brigade_codes import BrigadeCodes
from services.alerts.certificates import Certificates, watched
from services.alerts.deliver import CALLS, FIRE_NEWS, FIRES, OTHERS, Outbox
from services.alerts.deliver import SQL as OUTBOX_SQL
from services.alerts.disk_use import DiskUse
from services.alerts.early.watch import EarlyWatch
from services.alerts.figures import Figures
from services.alerts.health import Health
from services.alerts.prevention import Proposals
from services.alerts.risk import Risks
from services.alerts.signing import ContactAddress, DeskAddress
from services.alerts.silent_devices import SilentDevices
from services.alerts.storage import StorageJobs
from services.alerts.to_county import ToCounty, forget_county
from services.alerts.trials.runner import Trials
from services.core import db, lease, program
from services.core.alarms.policies import load_policies
from services.core.aside import Asides, forget_old
from services.core.city import xf3017
from services.core.clock import Clock, SystemClock, wait_at_most
from services.core.line import Line
from services.core.log import logger
from services.core.metrics import ACTIVE, note_standby
from services.core.outbound import anywhere
from services.core.settings import AlertsSettings
from services.core.text import describe_error

log = logger(__name__)
AWAY_PAUSE_S = 0.3
DESK_CONNECTIONS, DESK_KEPT_OPEN_S = 20, 5.0
FORGET_EVERY_S = 3600.0
STANDBY_S = 0.5  # how often a standby looks whether the lease has run out


def main(settings: AlertsSettings | None = None) -> None:
    """Run from the command line; read the environment unless settings are given. Raises as `program.run`."""
    settings = settings or AlertsSettings.read()
    program.run("alerts", settings, partial(run, settings, SystemClock()))


async def run(settings: AlertsSettings, clock: Clock, stopping: asyncio.Event) -> None:
    """Wait for the lease, then work until told to end."""
    owner = uuid.uuid4()
    while not stopping.is_set():
        conn = await _connect(settings, stopping)
        if conn is None:
            return
        try:
            if await wait_for_lease(conn, owner, settings, stopping):
                await _work(conn, owner, settings, clock, stopping)
                await lease.release(conn, LEASE, owner)
            await conn.close(timeout=2)
        except Exception as error:
            db.pass_on_cancel()
            if not db.only_away(error):
                raise
            # everything lost with the connection is read again from its cursors, as after a fresh start
            log.warning("database_lost", error=describe_error(error))
            await wait_at_most(stopping, AWAY_PAUSE_S)
        finally:
            ACTIVE.set(0)
            conn.terminate()


async def _connect(settings: AlertsSettings, stopping: asyncio.Event) -> asyncpg.Connection | None:
    """Wait for a database that is starting or away, so that fires do not also wait for a supervisor's back-off."""
    while not stopping.is_set():
        try:
            return await db.connect(settings.database_url, program="alerts", writer=True)
        except db.AWAY as error:
            db.pass_on_cancel()
            if not db.is_away(error):
                raise
            log.warning("database_away", error=describe_error(error))
            await wait_at_most(stopping, STANDBY_S)
    return None


async def wait_for_lease(
    conn: asyncpg.Connection, owner: uuid.UUID, settings: AlertsSettings, stopping: asyncio.Event
) -> bool:
    """Stand by until the lease is ours; False when told to end before."""
    active = await lease.take(conn, LEASE, owner)
    if settings.ready_file is not None:
        settings.ready_file.touch()
    if not active:
        note_standby()
        log.info("standing_by")
    while not active and not stopping.is_set():
        await wait_at_most(stopping, STANDBY_S)
        active = await lease.take(conn, LEASE, owner)
    return active and not stopping.is_set()


async def _work(
    conn: asyncpg.Connection, owner: uuid.UUID, settings: AlertsSettings, clock: Clock, stopping: asyncio.Event
) -> None:
    log.info("lease_taken", owner=str(owner))
    async with AsyncExitStack() as stack:
        pool = await db.create_pool(settings.database_url, program="alerts.deliver", size=8)
        stack.callback(pool.terminate)  # a graceful close would wait for a server that may not answer
        contacts = ContactAddress(settings)
        await _tidy(pool, settings)
        asides = Asides("alerts", clock)
        outbox = Outbox(pool, clock, owner, asides)
        storage_jobs = StorageJobs(pool, clock, settings.retention_days)
        folders = (settings.state_dir, *settings.storage_dirs)
        disk_use = DiskUse(pool, clock, folders)
        certificates = Certificates(clock, watched(settings))
        health = Health(
            *folders,
            has_desk=bool(settings.dispatch_url),
            has_county=bool(settings.relay_mqtt_url),
            since=clock.now(),
            storage_jobs=storage_jobs,
            disk_use=disk_use,
            certificates=certificates,
        )
        policies = await load_policies(conn)
        bench = Bench(conn, owner, clock, policies, health, outbox.hint, asides)
        listener = await db.connect(settings.database_url, program="alerts.listen")
        stack.callback(listener.terminate)
        await listener.add_listener("firetower_batch", lambda *_: bench.hint.set())
        await listener.add_listener("firetower_registry", lambda *_: bench.note_change())
        await listener.add_listener("firetower_alarm", lambda _conn, pid, *_: bench.note_act(pid))
        await listener.add_listener("firetower_notice", lambda *_: outbox.hint())
        work: dict[str, Coroutine[None, None, None]] = {
            "bench": bench.run(),
            "listen": _keep_listening(listener, clock),
            "figures": duty.keep("figures", Figures(pool, clock).take_turn, pool, clock),
            "storage jobs": duty.keep("storage jobs", storage_jobs.take_turn, pool, clock),
            "disk use": duty.keep("disk use", disk_use.take_turn, pool, clock),
            "certificates": duty.keep("certificates", certificates.take_turn, pool, clock),
            "anchors": duty.keep("anchors", _make_anchors(settings, pool, clock).take_turn, pool, clock),
        }
        silent = SilentDevices(pool, clock, asides, bench.silence)
        work["silent devices"] = duty.keep("silent devices", silent.take_turn, pool, clock)
        early = EarlyWatch(pool, clock, bench.early)
        work["early warning"] = duty.keep("early warning", early.take_turn, pool, clock)
        proposals = Proposals(pool, clock)
        work["hazards"] = duty.keep("hazards", proposals.take_turn, pool, clock)
        risks = Risks(pool, clock, settings.retention_days)
        work["risk"] = duty.keep("risk", risks.take_turn, pool, clock)
        trials = Trials(pool, clock, settings.database_url)
        work["trials"] = duty.keep("trials", trials.take_turn, pool, clock)
        work["asides"] = duty.keep("asides", partial(_forget_asides, pool, clock), pool, clock)
        for lane in CALLS:
            work[lane.name] = outbox.run(lane, contacts)
        if settings.relay_mqtt_url:
            work["county"] = duty.keep("county", ToCounty(pool).take_turn, pool, clock)
        elif settings.dispatch_url:
            desk = _desk(settings, await stack.enter_async_context(_line_to_desk(settings.dispatch_url)))
            work |= _keep_codes(settings, desk, pool, clock)
            work["fires"] = outbox.run(FIRES, desk)
            work["fire-news"] = outbox.run(FIRE_NEWS, desk)
            work["others"] = outbox.run(OTHERS, desk, lambda: bench.policies.number("notices", "hold_older_than_s"))
        if settings.heartbeat_url:
            beat = partial(heartbeat.beat, pool, settings.heartbeat_url)
            work["heartbeat"] = duty.keep("heartbeat", beat, pool, clock)
        ACTIVE.set(1)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(coroutine, name=name) for name, coroutine in work.items()]
            await stopping.wait()
            for task in running:
                task.cancel()


def _line_to_desk(url: str) -> Line:
    """Keep connections for what follows at once only: one that is dead without a word costs a fire two seconds."""
    return Line(url, anywhere(), keep=DESK_CONNECTIONS, kept_open_s=DESK_KEPT_OPEN_S)


async def _tidy(pool: asyncpg.Pool, settings: AlertsSettings) -> None:
    """Forget what belonged to an earlier start."""
    await pool.execute(OUTBOX_SQL["forget_claims"])
    if not settings.relay_mqtt_url:
        await forget_county(pool)


def _desk(settings: AlertsSettings, line: Line) -> DeskAddress:
    codes = xf3017.CODES if settings.dispatch_format == "xf3017" else None
    if codes is not None and settings.dispatch_codes is not None:
        with suppress(OSError):  # the duty says it
            codes = xf3017.read_codes(settings.dispatch_codes.read_bytes())
    return DeskAddress(settings.dispatch_url, settings.dispatch_secret.get_secret_value(), line, codes)


def _keep_codes(
    settings: AlertsSettings, desk: DeskAddress, pool: asyncpg.Pool, clock: Clock
) -> dict[str, Coroutine[None, None, None]]:
    if desk.codes is None or settings.dispatch_codes is None:
        return {}
    codes = BrigadeCodes(settings.dispatch_codes, desk)
    return {"brigade codes": duty.keep("brigade codes", codes.take_turn, pool, clock)}


def _make_anchors(settings: AlertsSettings, pool: asyncpg.Pool, clock: Clock) -> Anchors:
    key = partial(audit_key, settings.state_dir, settings.audit_secret.get_secret_value(), make=True)
    return Anchors(pool, clock, key, settings.state_dir, settings.retention_days)


async def _forget_asides(pool: asyncpg.Pool, clock: Clock) -> float:
    async with pool.acquire() as conn:
        await forget_old(conn, clock.now())
    return FORGET_EVERY_S


async def _keep_listening(listener: asyncpg.Connection, clock: Clock) -> None:
    """Notice when the listening connection has died silently; the program then starts anew."""
    while True:
        await listener.execute("select 1")
        await clock.sleep(5)
