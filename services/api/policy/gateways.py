"""The operator's SMS and voice gateways as policies: their secrets are written, never read back. Used by policies.

A mask written back keeps what is stored, but never for another host: nobody can have a secret sent to themselves.
"""

from collections.abc import Mapping
from typing import Any

from services.api.request.problems import invalid
from services.core.masks import MaskMisplaced, find_secrets, mask_headers, mask_template, mask_url, unmask
from services.core.receivers import same_origin

GATEWAYS = frozenset({"sms_gateway", "voice_gateway"})


def mask_gateway(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a gateway's policy as people may read it."""
    return {
        **body,
        "url": mask_url(body["url"]),
        "headers": mask_headers(body["headers"]),
        "body": mask_template(body["body"]),
    }


def unmask_gateway(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was sent with its masks replaced by what is stored.

    Raises:
        Problem: 422, a mask has nothing to stand for, or stored secrets would go to another host.
    """
    shown = mask_gateway(stored)
    try:
        whole = {
            field: unmask(value, stored.get(field), shown.get(field), place=field) for field, value in sent.items()
        }
    except MaskMisplaced as misplaced:
        field, _, message = str(misplaced).partition(": ")
        raise invalid(field, message) from None
    url = whole.get("url", stored["url"])
    if isinstance(url, str) and url and stored["url"] and not same_origin(url, stored["url"]):
        for field in ("headers", "body"):
            leaving = _secrets_of(field, whole.get(field, stored[field])) & _secrets_of(field, stored[field])
            if leaving - _secrets_of(field, sent.get(field)):
                raise invalid(field, "the address leads to another host: write the secrets for it anew, or {}")
    return whole


def _secrets_of(field: str, value: Any) -> frozenset[str]:
    return find_secrets("", value) if field == "headers" else find_secrets("", {}, value)
