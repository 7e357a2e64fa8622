"""What devices measure and how they are warned of, as columns that a filter compares. Statements only.

Used by `collections`. What is stored under a field's name and is no value of its type equals nothing.
"""

import sqlalchemy as sa

from services.api.city.features.devices import Column
from services.api.city.sensorthings.catalogue import FIELDS_OF, Property
from services.api.request import tables
from services.core.topics import Kind
from services.core.words import Severity

_device, _state, _alarm = tables.device.c, tables.device_state.c, tables.alarm.c

WORST_ALARM: Column = (
    sa.select(_alarm.severity)
    .where(_alarm.device_id == _device.id, _alarm.state != "closed")
    .order_by(sa.func.array_position(sa.literal([*Severity], sa.ARRAY(sa.Text)), _alarm.severity))
    .limit(1)
    .scalar_subquery()
)
"""The severity of a device's worst open alarm."""


def measured(*kinds: Kind) -> dict[str, Column]:
    """Return the newest value of each field that devices of these kinds send."""
    return {one.name: _newest(one) for kind in kinds for one in FIELDS_OF[kind]}


def _newest(field: Property) -> Column:
    stored, kind = _state.state[field.name], "boolean" if field.is_flag else "number"
    value = sa.cast(stored.astext, sa.Boolean() if field.is_flag else sa.Double())
    return sa.case((sa.func.jsonb_typeof(stored) == kind, value))
