"""A shift handed over: signed by one person, accepted by another, kept as it was, seen by those whose areas it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise, Store

PASSWORD = "a fine long pass phrase"


@pytest.fixture
async def sign_in(client: Client, visit: Any) -> Any:
    """A function that makes a person and gives their signed-in client."""

    async def make(name: str, role: str = "duty_officer", areas: tuple[str, ...] = (AREA,)) -> Client:
        body = {"username": name, "password": PASSWORD, "role": role, "areas": list(areas)}
        assert (await client.post("/api/v1/users", json=body)).status_code == 201
        person = visit()
        person.headers["Origin"] = "http://firetower.test"
        answer = await person.post("/api/v1/session", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200
        return person

    return make


def _shift(**more: Any) -> dict[str, Any]:
    begun = datetime.now(UTC) - timedelta(hours=8)
    return {"shift": "白班", "from": begun.isoformat(), "remarks": "东街在修管"} | more


async def test_a_shift_is_signed_and_accepted_by_somebody_else_with_their_own_password(
    sign_in: Any, open_alarm: Raise, store_notice: Store, connection: asyncpg.Connection
) -> None:
    li = await sign_in("li")
    await sign_in("zhao")
    await sign_in("sun", areas=(OTHER_AREA,))
    await sign_in("wu", role="viewer")
    standing, over = await open_alarm("p-1", fire=True), await open_alarm("p-2", fire=True)
    await open_alarm("p-far", area=OTHER_AREA)
    await store_notice(standing, "delivered")
    await connection.execute(
        "update alarm set state = 'closed', verification = 'false', closed_at = now() where id = $1", over
    )
    made = await li.post("/api/v1/handovers", json=_shift())
    assert made.status_code == 201, made.text
    signed, content = made.json(), made.json()["content"]
    assert (signed["signed_by"], signed["accepted_by"], signed["remarks"]) == ("user:li", None, "东街在修管")
    assert [alarm["id"] for alarm in content["open"]] == [standing], "of other areas nothing is told"
    assert (content["open"][0]["verification"], content["open"][0]["dispatch"]["state"]) == ("pending", "delivered")
    assert [(alarm["id"], alarm["verification"]) for alarm in content["closed"]] == [(over, "false")]

    accept = f"/api/v1/handovers/{signed['id']}/accept"
    refused = {
        "wrong_sign_in": {"username": "zhao", "password": "not this one"},
        "own_handover": {"username": "li", "password": PASSWORD},
        "forbidden": {"username": "sun", "password": PASSWORD},
    }
    for code, body in (*refused.items(), ("forbidden", {"username": "wu", "password": PASSWORD}), ("own_handover", {})):
        answer = await li.post(accept, json=body)
        assert answer.status_code in (403, 409), answer.text
        assert answer.json()["type"].endswith(code)
    taken = await li.post(accept, json={"username": "zhao", "password": PASSWORD, "remarks": "知道了"})
    assert taken.status_code == 200, taken.text
    assert (taken.json()["accepted_by"], taken.json()["accepted_remarks"]) == ("user:zhao", "知道了")
    again = await li.post(accept, json={"username": "zhao", "password": PASSWORD})
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "already_accepted")
    following = (await li.get("/api/v1/handover")).json()
    assert following["begun_at"] == content["now"], "the next shift begins where this one ended"


async def test_a_signed_handover_is_kept_and_seen_where_its_areas_are(
    sign_in: Any, client: Client, connection: asyncpg.Connection
) -> None:
    county, town, other = (
        await sign_in("county", areas=("140931",)),
        await sign_in("town"),
        await sign_in("other", areas=(OTHER_AREA,)),
    )
    ids = [(await who.post("/api/v1/handovers", json=_shift())).json()["id"] for who in (county, town)]

    async def seen(who: Client) -> list[int]:
        return [each["id"] for each in (await who.get("/api/v1/handovers")).json()["items"]]

    assert await seen(client) == await seen(county) == [ids[1], ids[0]]
    assert (await seen(town), await seen(other)) == ([ids[1]], [])
    assert (await town.get(f"/api/v1/handovers/{ids[0]}")).status_code == 404
    assert (await other.post(f"/api/v1/handovers/{ids[1]}/accept", json={})).status_code == 404
    assert (await county.post(f"/api/v1/handovers/{ids[1]}/accept", json={})).json()["accepted_by"] == "user:county"
    assert (await client.post("/api/v1/handovers", json=_shift())).status_code == 403, "a key signs nothing"
    late = (datetime.now(UTC) - timedelta(days=9)).isoformat()
    assert (await town.post("/api/v1/handovers", json=_shift(**{"from": late}))).status_code == 422
    for change in ("update handover set remarks = ''", "delete from handover_acceptance"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(change)
