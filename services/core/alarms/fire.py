"""The fires of one site, judged together: confidence, incident, and which of them carries `fire.confirmed`.

Called by the ledger under the site's lock with the site's open fires and its recent evidence.
Pure; promises that no fire which nobody judged stays without a running clock or a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.core.alarms.happenings import Act, Evidence, Finding, Reset, SiteWindow, Tick
from services.core.alarms.model import Alarm, Policy, Step


class FireKey(NamedTuple):
    """Where a fire alarm stands; one open fire for each."""

    device: str
    component: str


@dataclass(frozen=True, slots=True)
class SiteFires:
    """What is known of the fires of one scope: a site, or a single device that has no site.

    `alarms` are the open fires, `evidence` the reports of the last `Policy.evidence_window_s`, `test_until`
    the end of the site's test window. Store `evidence` as JSON (`record.evidence_to_json`) in the row that
    serves as the site's lock.
    """

    scope: str
    alarms: Mapping[FireKey, Alarm] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    test_until: datetime | None = None


class FireSteps(NamedTuple):
    """What happened to the site: its new self, and the steps in order (one alarm may appear twice)."""

    site: SiteFires
    steps: tuple[Step, ...]


def apply(
    site: SiteFires,
    happening: Finding | Evidence | Reset | Tick | SiteWindow | tuple[FireKey, Act],
    now: datetime,
    policy: Policy,
    new_incident_id: Callable[[], str],
) -> FireSteps:
    """Take the site's fires one step on: a fire report, evidence, a reset, time, a window, or a person's act.

    A step's alarm has `id` None when it was opened here. An `incident_id` not seen before is a new incident.
    """
    raise NotImplementedError
