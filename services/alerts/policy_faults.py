"""Stored policies that cannot be used: set aside for a person to see. Called by the bench."""

from services.alerts.border import Border
from services.core.alarms.policies import Policies
from services.core.aside import Unit
from services.core.errors import FiretowerError

KIND = "policy"


class PolicyFault(FiretowerError):
    """A field of a policy is not in force; its default is."""


async def tell_faults(border: Border, policies: Policies) -> None:
    """Set aside each present fault once, and remove from the list what was corrected."""
    found = {".".join(filter(None, (fault.policy, fault.field))): fault.error for fault in policies.faults}
    known = border.asides.names(KIND)
    for name in known - found.keys():
        await border.asides.over(border.conn, KIND, name)
    for name in found.keys() - known:
        await border.asides.add(border.conn, Unit(KIND, name), PolicyFault(found[name]))
