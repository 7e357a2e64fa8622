"""A device's account at the broker: made by the broker's own plug-in, its password shown once."""

import secrets
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson
import segno
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.registry.devices import find_row
from services.api.request.answers import answer
from services.api.request.described import described
from services.api.request.fields import DeviceCode
from services.api.request.problems import Problem, not_found
from services.api.request.state import Here, State
from services.api.request.writing import Maintainer, Write
from services.core.errors import FiretowerError
from services.core.log import logger
from services.core.mqtt import SessionConfig
from services.core.mqtt_ask import ask
from services.core.statements import load_queries
from services.core.text import describe_error

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1/devices/{code}", tags=["devices"])
log = logger(__name__)
DEVICE_ROLE = "device"
_ASK_S = 3.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}  # where an address names none


class Credentials(BaseModel):
    """The device's account at the broker; the password is shown this once."""

    username: str
    password: str
    client_id: str
    host: str | None
    port: int | None
    tls: bool
    topics: dict[str, str]
    qr: str = Field(
        description="a picture (data: URI of an SVG) of the QR code of mqtt(s)://username:password@host:port"
    )


@router.post("/credentials", status_code=201, responses=described(Credentials, 404, 409, 502, status=201))
async def issue_credentials(code: DeviceCode, here: Here, writer: Maintainer) -> Response:
    """Make the device's account at the broker, or give it a new password. The password is shown this once."""
    await find_row(here.database, writer.who, code)
    password = secrets.token_urlsafe(18)
    if not await writer.repeats():
        await _set_account(here, code, password)

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow(SQL["place_of_device"], code)
        if row is None:
            raise not_found(f"device {code}")
        await write.record("device.credentials", code)
        broker = urlsplit(here.settings.device_mqtt_url or here.settings.mqtt_url)
        base = f"fire/v1/{row['area']}/{row['kind']}/{code}"
        port = broker.port or _PORTS[broker.scheme]
        body = {
            "username": code, "password": password, "client_id": code, "host": broker.hostname, "port": port,
            "tls": broker.scheme == "mqtts", "qr": _qr(broker, port, code, password),
            "topics": {"telemetry": f"{base}/up/telemetry", "event": f"{base}/up/event",
                       "status": f"{base}/up/status", "ack": f"{base}/down/ack", "command": f"{base}/down/command"},
        }  # fmt: skip
        return answer(body, 201)

    return await writer.perform(work, secret=True)


def _qr(broker: SplitResult, port: int, code: str, password: str) -> str:
    """Return the picture that a commissioning tool scans: all it needs, as one address."""
    host = f"[{broker.hostname}]" if ":" in (broker.hostname or "") else broker.hostname
    address = f"{broker.scheme}://{code}:{password}@{host}:{port}"
    return segno.make(address, error="m", micro=False).svg_data_uri(border=4, light="#fff", scale=4)


async def _set_account(here: State, code: str, password: str) -> None:
    """Tell the broker's dynamic-security plug-in of the account.

    Raises:
        Problem: 502, the broker does not answer or refuses.
    """
    config = SessionConfig.from_url(here.settings.mqtt, f"firetower.api.{secrets.token_hex(6)}")
    roles = [{"rolename": DEVICE_ROLE}]
    create = {"command": "createClient", "username": code, "password": password, "roles": roles}
    modify = {"command": "modifyClient", "username": code, "password": password, "roles": roles}
    try:
        refusal = await _control(config, create)
        if refusal is not None and "exists" in refusal.lower():
            refusal = await _control(config, modify)
    except (TimeoutError, OSError, FiretowerError) as error:
        log.warning("broker_away", error=describe_error(error))
        raise Problem(502, "broker_away", "the broker does not answer; try again shortly") from error
    if refusal is not None:
        raise Problem(502, "broker_refused", f"the broker refused to make the account: {refusal}")


async def _control(config: SessionConfig, command: dict[str, Any]) -> str | None:
    """Return why the broker refused, or None."""
    raw = orjson.loads(await ask(config, orjson.dumps({"commands": [command]}), timeout_s=_ASK_S))
    answers = raw.get("responses") or [{}]
    refusal: str | None = answers[0].get("error")
    return refusal
