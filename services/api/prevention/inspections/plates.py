"""The QR code on a device's plate: a phone that scans it opens the checklist of that device (contract 12).

It holds an address and no secret, unlike that of the device's account (0047).
"""

import io
from typing import Any, Final

import segno
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.api.registry.devices import find_row
from services.api.request.address import root_of
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.fields import DeviceCode
from services.api.request.state import Here

router = APIRouter(prefix="/api/v1", tags=["inspections"])
_SVG: Final = "image/svg+xml"
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture", "content": {_SVG: {"schema": {"type": "string"}}}}
}


@router.get("/devices/{code}/inspection-qr", responses=described(None, 404) | _PICTURE, response_class=Response)
async def show_inspection_code(code: DeviceCode, request: Request, here: Here, who: Reader) -> Response:
    """Show the QR code of the device's checklist, at the address by which the caller reached the system."""
    await find_row(here.database, who, code)
    picture = io.BytesIO()
    made = segno.make(f"{root_of(request)}/#/inspect/{code}", error="m", micro=False)
    made.save(picture, kind="svg", border=4, light="#fff", scale=6, title=code)
    headers = {"Content-Disposition": f'inline; filename="inspect-{code}.svg"'}
    return Response(picture.getvalue(), headers=headers, media_type=_SVG)
