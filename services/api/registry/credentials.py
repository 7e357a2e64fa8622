"""A device's account at the broker: made by the broker's own plug-in, its password shown once."""

import secrets

import orjson
import segno
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.registry.broker import require_done, tell_broker, told_address
from services.api.registry.devices import find_row
from services.api.request.answers import answer
from services.api.request.described import described
from services.api.request.fields import DeviceCode
from services.api.request.problems import Problem, not_found
from services.api.request.state import Here, State
from services.api.request.writing import Maintainer, Write
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1/devices/{code}", tags=["devices"])
DEVICE_ROLE = "device"


class Credentials(BaseModel):
    """The device's account at the broker; the password is shown this once."""

    username: str
    password: str
    client_id: str
    host: str | None
    port: int | None
    tls: bool
    topics: dict[str, str]
    also_at: str | None = Field(
        description="another broker, at which the device got its last account: that one still holds there"
    )
    qr: str = Field(
        description="a picture (data: URI of an SVG) of the QR code of mqtt(s)://username:password@host:port"
    )


@router.post("/credentials", status_code=201, responses=described(Credentials, 404, 409, 502, status=201))
async def issue_credentials(code: DeviceCode, here: Here, writer: Maintainer) -> Response:
    """Make the device's account at the broker, or give it a new password. The password is shown this once."""
    await find_row(here.database, writer.who, code)
    password = secrets.token_urlsafe(18)

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow(SQL["place_of_device"], code)
        if row is None:
            raise not_found(f"device {code}")
        broker, host, port = told_address(here.settings)
        place = f"{host}:{port}"
        last = await write.connection.fetchval(SQL["last_broker"], code)
        await write.record("device.credentials", code, broker=place)
        base = f"fire/v1/{row['area']}/{row['kind']}/{code}"
        body = {
            "username": code, "password": password, "client_id": code, "host": broker.hostname, "port": port,
            "tls": broker.scheme == "mqtts", "qr": _qr(f"{broker.scheme}://{code}:{password}@{place}"),
            "also_at": None if last == place else last,
            "topics": {"telemetry": f"{base}/up/telemetry", "event": f"{base}/up/event",
                       "status": f"{base}/up/status", "ack": f"{base}/down/ack", "command": f"{base}/down/command"},
        }  # fmt: skip
        return answer(body, 201)

    made = orjson.loads((await writer.perform(work, secret=True)).body)
    try:  # after the commit: else a device could be locked out by a password that nobody saw and no audit tells of
        was_there = await _set_account(here, code, password)
    except Problem as problem:
        async with writer.taking_back() as write:
            await write.record("device.credentials_refused", code, error=problem.detail)
        raise
    return answer(made | {"also_at": None if was_there else made["also_at"]}, 201)  # else the broker has another name


def _qr(address: str) -> str:
    """Return the picture that a commissioning tool scans: all it needs, as one address."""
    return segno.make(address, error="m", micro=False).svg_data_uri(border=4, light="#fff", scale=4)


async def _set_account(here: State, code: str, password: str) -> bool:
    """Tell the broker's dynamic-security plug-in of the account; whether it had one of the device.

    Raises:
        Problem: 502, the broker does not answer or refuses.
    """
    account = {"username": code, "password": password, "roles": [{"rolename": DEVICE_ROLE}]}
    (refusal,) = await tell_broker(here, [{"command": "createClient"} | account])
    was_there = refusal is not None and "exists" in refusal.lower()
    if was_there:
        (refusal,) = await tell_broker(here, [{"command": "modifyClient"} | account])
    require_done(refusal)
    return was_there
