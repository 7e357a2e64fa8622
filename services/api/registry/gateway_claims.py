"""Whether a device may name a gateway, or the address of a panel: never one of another township. Pure.

Used by PUT and by the import. What people may not see does not exist for them.
"""

from collections.abc import Container, Mapping
from typing import Any

from services.api.request.scope import Scope


def new_claims(values: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the gateway or address in `values` that is new; what was stored before was allowed."""
    fields = ("gateway", "gateway_address")
    return {name: values[name] for name in fields if values.get(name) and (not before or before[name] != values[name])}


def claimed_by(values: Mapping[str, Any]) -> list[str]:
    """Return the codes of the devices that `values` lay a claim to."""
    gateway, address = values.get("gateway"), values.get("gateway_address")
    return [code for code in (gateway, address and f"utd-{address}") if code]


def refused_claim(
    scope: Scope,
    code: str,
    values: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]],
    same_file: Container[str],
) -> tuple[str, str] | None:
    """Return field and reason if the device `code` may not be stored like that, or None.

    `known` are the devices that `claimed_by` named, by code, with area and registered; `same_file` are codes that the
    same import registers.
    """
    gateway, address = values.get("gateway"), values.get("gateway_address")
    if gateway and gateway != code and gateway not in same_file:
        row = known.get(gateway)
        if not (scope.county if row is None else scope.covers(row["area"])):
            return "gateway", f"there is no device {gateway}"
    panel = known.get(f"utd-{address}") if address and code != f"utd-{address}" else None
    if panel is not None and not scope.covers(panel["area"]):
        # a panel that only called in has the gateway's area, and anybody below that area may register it
        below = any(area.startswith(panel["area"]) for area in scope.areas)
        if panel["registered"] or not below:
            return "gateway_address", "another device has this address"
    return None
