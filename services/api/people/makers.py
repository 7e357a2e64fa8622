"""What a person or a key made and lets go out goes on only while they may still administer it (decision 0087).

Called in the transaction that takes areas, role or account of a person, or revokes a key.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from services.api.request.roles import Role
from services.api.request.scope import Scope
from services.api.request.writing import Write
from services.core.aside import Unit, write_aside
from services.core.statements import load_queries

SQL = load_queries(__file__)


class MakerLostRightsError(Exception):
    """Nobody answers for a subscription any more, and nothing is sent until somebody who administers its areas does."""


async def pause_subscriptions(write: Write, maker: str) -> None:
    """Pause what `maker` (`user:wang`, `key:platform`) subscribed, or a key of theirs, and no longer administers."""
    for row in await write.connection.fetch(SQL["subscriptions_of"], maker):
        if _administers(Scope(tuple(row["areas"])), row["makers"]):
            continue
        await write.connection.execute(SQL["pause"], row["id"], write.now)
        await write.record("subscription.pause", f"subscription:{row['id']}", name=row["name"], maker=maker)
        said = (
            f"{row['name']} 已暂停：{maker} 不再管理其区域，请由有权限的管理员重新启用。 It is paused: {maker}"
            " no longer administers its areas; who does may set its state to active"
        )
        unit = Unit("subscription", f"subscription:{row['id']}:maker")
        await write_aside(write.connection, "push", unit, MakerLostRightsError(said), write.now)


def _administers(areas: Scope, makers: Iterable[Mapping[str, Any]]) -> bool:
    """Whether all who stand behind a subscription (its maker, and who made the key that it is) still administer it."""
    return all(
        one["stands"] and one["role"] == Role.ADMINISTRATOR and areas.within(Scope(tuple(one["areas"])))
        for one in makers
    )
