"""Observations of devices that stand nowhere: they have no FeatureOfInterest, and a link to it would lead to nothing.

Called by `query` once all items of an answer are read: one question for all of them, and none where no such link shows.
"""

from collections.abc import Iterator

from services.api.city.sensorthings.answers import Item, Page
from services.api.city.sensorthings.model import Entity
from services.api.city.sensorthings.options import Options
from services.api.request.database import Reads
from services.core.statements import load_queries

SQL = load_queries(__file__)
_LINK = "FeatureOfInterest"
_WITHOUT = frozenset({_LINK})


async def leave_out_dead_links(reads: Reads, found: Item | Page, options: Options) -> None:
    """Note at each observation whose device has no place that this link is not there."""
    items = list(_linked(found, options))
    devices = sorted({item.row["device"] for item in items})
    rows = await reads.rows(SQL["placeless"], devices=devices) if devices else []
    placeless = {row["id"] for row in rows}
    for item in items:
        if item.row["device"] in placeless:
            item.absent = _WITHOUT


def _linked(found: Item | Page | None, options: Options) -> Iterator[Item]:
    """Yield the observations of an answer that show the link, expanded ones included."""
    if isinstance(found, Page):
        for item in found.items:
            yield from _linked(item, found.options)
    elif found is not None:
        if found.entity is Entity.OBSERVATION and _shows_link(options):
            yield found
        for expand in options.expand:
            yield from _linked(found.links.get(expand.link.name), expand.options)


def _shows_link(options: Options) -> bool:
    return not options.data_array and (options.select is None or (_LINK,) in options.select)
