"""What people do with a device: take it out of service, send it a command, give it an account at the broker."""

from datetime import timedelta

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from services.api.registry.devices import find_device, find_row
from services.api.registry.models import Device
from services.api.request.answers import answer
from services.api.request.database import Inside
from services.api.request.described import described
from services.api.request.fields import DeviceCode, Line, Moment
from services.api.request.problems import invalid
from services.api.request.versions import IfMatch, check_match
from services.api.request.writing import Operator, Write
from services.core.log import logger
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1/devices/{code}", tags=["devices"])
log = logger(__name__)
LONGEST_OUT_OF_SERVICE = timedelta(days=90)


class OutOfServiceBody(BaseModel):
    """Until when (null: it is back), and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until": "2026-11-24T18:00:00+08:00", "reason": "更换阀体"}]}
    )

    until: Moment | None
    reason: Line = ""


@router.post("/out-of-service", responses=described(Device, 404, 412, etag=True))
async def take_out_of_service(
    code: DeviceCode, body: OutOfServiceBody, writer: Operator, if_match: IfMatch = None
) -> Response:
    """Take a device out of service until a time. Never mutes a fire."""

    async def work(write: Write) -> Response:
        inside = Inside(write.connection)
        await write.connection.execute(SQL["lock_device"], code)
        row = await find_row(inside, write.who, code)
        check_match(if_match, row["version"])
        if body.until is not None:
            if body.until <= write.now:
                raise invalid("until", "must lie in the future; null puts the device back into service")
            if body.until > write.now + LONGEST_OUT_OF_SERVICE:
                raise invalid("until", f"must be at most {LONGEST_OUT_OF_SERVICE.days} days ahead")
            if not body.reason:
                raise invalid("reason", "say why")
        ended = body.until is None
        await write.connection.execute(
            SQL["take_out_of_service"],
            row["id"],
            body.until,
            None if ended else body.reason,
            None if ended else write.who.actor,
            write.now,
        )
        await write.record("device.out_of_service", code, until=body.until, reason=body.reason)
        shown = await find_device(inside, write.who, code, write.now)
        return answer(shown, version=shown["version"])

    return await writer.perform(work)
