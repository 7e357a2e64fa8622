"""Subscriptions: which platform gets which events, and how delivery goes (contract 9.3). `firetower push` delivers."""

import base64
import secrets
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.api.city.subscription_documents import (
    Delivery,
    DeliveryState,
    NewSubscription,
    ReplayBody,
    Replayed,
    Secret,
    Subscription,
    SubscriptionId,
    SubscriptionPatch,
    SubscriptionPost,
    TestSent,
)
from services.api.people.users import require_within
from services.api.request.answers import answer
from services.api.request.auth import Administrator
from services.api.request.database import Inside, Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import BIGINT, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.roles import Who
from services.api.request.scope import Scope
from services.api.request.state import Here, State
from services.api.request.versions import IfMatch, check_match
from services.api.request.writing import AdministratorWriter, Write
from services.core.city.cloudevent import TEST, EventType
from services.core.masks import MASK, mask_url
from services.core.outbound import refusal_of_url
from services.core.receivers import check_url
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1", tags=["subscriptions"])
SQL = load_queries(__file__)
BOTH_SIGN = timedelta(hours=24)  # contract 9.3
TRIED = timedelta(hours=72)
MOST_REPLAYED = 100_000
MOST = 200  # subscriptions of one county
_CAP_TYPES = frozenset({"*", *(kind for kind in EventType if kind.startswith(("alarm.", "fire.")))})


def new_secret() -> str:
    """Return a secret of 192 bits as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


async def _find(reads: Reads, who: Who, subscription_id: int, now: datetime) -> Row:
    row = await first(reads, SQL["subscriptions"], id=subscription_id, after=0, now=now)
    if row is None or not Scope(tuple(row["areas"])).within(who.scope):
        raise not_found(f"subscription {subscription_id}")
    return row


async def _lock(write: Write, subscription_id: int) -> Row:
    """Find it and hold it until the write is over."""
    await write.connection.execute("select from subscription where id = $1 for update", subscription_id)
    return await _find(Inside(write.connection), write.who, subscription_id, write.now)


def _shown(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in Subscription.model_fields} | {"url": mask_url(row["url"])}


def _check(here: State, url: str, format_: str, types: list[str]) -> None:
    """Refuse an address that push would never call, and types that have no form in the format."""
    why = refusal_of_url(url, here.settings.subscription_networks)
    if why is not None:
        raise invalid("url", why)
    if format_ == "cap" and not set(types) <= _CAP_TYPES:
        raise invalid("types", f"as cap there are only {', '.join(sorted(_CAP_TYPES))}")


@router.get("/subscriptions", responses=described(Page[Subscription]))
async def list_subscriptions(*, here: Here, who: Administrator, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List subscriptions by id."""
    place = decode_cursor(cursor, int)
    after = place[0] if place else 0
    found = await here.database.rows(SQL["subscriptions"], id=None, after=after, now=here.clock.now())
    rows = [row for row in found if Scope(tuple(row["areas"])).within(who.scope)][: limit + 1]
    return page([_shown(row) for row in rows], limit, [(row["id"],) for row in rows])


@router.get("/subscriptions/{id}", responses=described(Subscription, 404, etag=True))  # noqa: FAST003 - aliased
async def show_subscription(subscription_id: SubscriptionId, here: Here, who: Administrator) -> Response:
    """Show one subscription."""
    row = await _find(here.database, who, subscription_id, here.clock.now())
    return answer(_shown(row), version=row["version"])


@router.post("/subscriptions", status_code=201, responses=described(NewSubscription, 409, status=201, etag=True))
async def create_subscription(body: SubscriptionPost, here: Here, writer: AdministratorWriter) -> Response:
    """Subscribe a platform. The secret that it checks signatures with is shown this once."""
    secret = new_secret()

    async def work(write: Write) -> Response:
        areas = list(write.who.scope.areas) if body.areas is None else body.areas
        require_within(write.who, areas)
        _check(here, body.url, body.format, list(body.types))
        if await write.connection.fetchval(SQL["how_many"]) >= MOST:
            raise Problem(409, "too_many", f"there are {MOST} subscriptions; delete one that nobody needs")
        made = await write.connection.fetchval(
            SQL["create"],
            body.name, body.url, list(body.types), areas, body.format, secret, write.who.actor, write.now,
        )  # fmt: skip
        return await _record(write, "subscription.create", made, status=201, secret=secret)

    return await writer.perform(work, secret=True)


@router.patch("/subscriptions/{id}", responses=described(Subscription, 404, 412, etag=True))  # noqa: FAST003 - aliased
async def update_subscription(
    subscription_id: SubscriptionId,
    body: SubscriptionPatch,
    here: Here,
    writer: AdministratorWriter,
    if_match: IfMatch = None,
) -> Response:
    """Change, pause (events are kept) or resume; `active` also enables what a 410 disabled."""

    async def work(write: Write) -> Response:
        row = await _lock(write, subscription_id)
        check_match(if_match, row["version"])
        values = {name: row[name] for name in ("name", "url", "types", "areas", "format", "state")}
        sent = body.model_dump(exclude_none=True)
        if sent.get("url") in (mask_url(row["url"]), row["url"]):
            del sent["url"]
        values |= sent
        if "url" in sent:
            if MASK in sent["url"]:
                raise invalid("url", f"{MASK} stands for nothing here: write the whole address")
            values["url"] = _checked(sent["url"])
        require_within(write.who, values["areas"])
        _check(here, values["url"], values["format"], values["types"])
        await write.connection.execute(
            SQL["update"],
            subscription_id, *values.values(), write.now,
        )  # fmt: skip
        if values["state"] == "active" and any(values[name] != row[name] for name in ("state", "url", "areas")):
            await write.connection.execute(SQL["answer_for"], subscription_id, write.who.actor)
        if any(values[name] != row[name] for name in ("areas", "types", "format")):
            await write.connection.execute(SQL["forget_unwanted"], subscription_id)
        if values["state"] == "active" and (row["state"] != "active" or values["url"] != row["url"]):
            await write.connection.execute(SQL["resume"], subscription_id, write.now, write.now + TRIED)
        return await _record(write, "subscription.update", subscription_id)

    return await writer.perform(work)


def _checked(url: str) -> str:
    try:
        return check_url(url)
    except ValueError as error:
        raise invalid("url", str(error)) from None


@router.delete("/subscriptions/{id}", status_code=204, responses=described(None, 404, 412, status=204))  # noqa: FAST003
async def delete_subscription(
    subscription_id: SubscriptionId, writer: AdministratorWriter, if_match: IfMatch = None
) -> Response:
    """End a subscription; what waits for it is gone."""

    async def work(write: Write) -> Response:
        row = await _lock(write, subscription_id)
        check_match(if_match, row["version"])
        await write.connection.execute(SQL["delete"], subscription_id)
        await write.record("subscription.delete", f"subscription:{subscription_id}", name=row["name"])
        return Response(status_code=204)

    return await writer.perform(work)


@router.post("/subscriptions/{id}/rotate-secret", responses=described(Secret, 404, 412))  # noqa: FAST003 - aliased
async def rotate_subscription_secret(
    subscription_id: SubscriptionId, writer: AdministratorWriter, if_match: IfMatch = None
) -> Response:
    """Make a new secret. For 24 hours both sign, and so do earlier ones whose time is not over."""
    secret = new_secret()

    async def work(write: Write) -> Response:
        row = await _lock(write, subscription_id)
        check_match(if_match, row["version"])
        until = write.now + BOTH_SIGN
        await write.connection.execute(SQL["rotate"], subscription_id, secret, until, write.now)
        await write.record("subscription.rotate_secret", f"subscription:{subscription_id}")
        return answer({"secret": secret, "previous_secret_until": until})

    return await writer.perform(work, secret=True)


@router.post(
    "/subscriptions/{id}/test",  # noqa: FAST003 - aliased
    status_code=202,
    responses=described(TestSent, 404, 409, status=202),
)
async def test_subscription(subscription_id: SubscriptionId, writer: AdministratorWriter) -> Response:
    """Send this subscription an event of its own, to see whether it takes it."""

    async def work(write: Write) -> Response:
        row = await _lock(write, subscription_id)
        if row["state"] != "active":
            raise Problem(409, "not_active", f"it is {row['state']}: set its state to active first")
        data = {"subscription": row["name"], "sent_by": write.who.actor}
        uid = await write.connection.fetchval(SQL["test"], subscription_id, TEST, write.now, data)
        await write.record("subscription.test", f"subscription:{subscription_id}", event_id=str(uid))
        return answer({"event_id": uid}, 202)

    return await writer.perform(work)


@router.get("/subscriptions/{id}/deliveries", responses=described(Page[Delivery], 404))  # noqa: FAST003 - aliased
async def list_deliveries(
    *,
    subscription_id: SubscriptionId,
    here: Here,
    who: Administrator,
    state: DeliveryState | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List what was and what will be sent, newest first."""
    await _find(here.database, who, subscription_id, here.clock.now())
    place = decode_cursor(cursor, int)
    rows = await here.database.rows(
        SQL["deliveries"], id=subscription_id, state=state, before=place[0] if place else BIGINT, most=limit + 1
    )
    return page([_delivery(row) for row in rows], limit, [(row["number"],) for row in rows])


def _delivery(row: Row) -> dict[str, Any]:
    shown = {name: row[name] for name in Delivery.model_fields if name != "sequence"}
    shown["sequence"] = f"{row['number']:016d}"
    if row["state"] != "waiting":
        shown["due_at"] = None
    return shown


@router.post("/subscriptions/{id}/replay", responses=described(Replayed, 404, 409))  # noqa: FAST003 - aliased
async def replay_subscription(
    subscription_id: SubscriptionId, body: ReplayBody, writer: AdministratorWriter
) -> Response:
    """Send again what happened in a span of time, under the same ids, whether it was accepted or not."""

    async def work(write: Write) -> Response:
        row = await _lock(write, subscription_id)
        if row["state"] == "disabled":
            raise Problem(409, "not_active", "it is disabled: set its state to active first")
        end = body.to or write.now
        check_span(body.begin, end)
        found = await write.connection.fetchrow(
            SQL["replay"], subscription_id, body.begin, end, write.now, write.now + TRIED, MOST_REPLAYED + 1
        )
        if found is None or found["wanted"] > MOST_REPLAYED:
            raise invalid("to", f"more than {MOST_REPLAYED} events lie in this span; take a shorter one")
        await write.connection.execute("select pg_notify('firetower_subscription', $1)", str(subscription_id))
        said = {"from": body.begin, "to": end, "replayed": found["replayed"]}
        await write.record("subscription.replay", f"subscription:{subscription_id}", **said)
        return answer({"replayed": found["replayed"]})

    return await writer.perform(work)


async def _record(
    write: Write, action: str, subscription_id: int, status: int = 200, secret: str | None = None
) -> Response:
    """Audit the subscription as everybody may read it, and answer it."""
    row = await _find(Inside(write.connection), write.who, subscription_id, write.now)
    shown = _shown(row)
    kept = ("name", "url", "types", "areas", "format", "state")
    await write.record(action, f"subscription:{subscription_id}", **{name: shown[name] for name in kept})
    return answer(shown if secret is None else shown | {"secret": secret}, status, version=row["version"])
