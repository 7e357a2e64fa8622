"""Every kind of device and a site have a checklist, whose items propose hazards and name their source."""

from services.core.prevention.catalogue import KINDS
from services.core.prevention.checklists import CHECKLISTS, SITE
from services.core.topics import Kind


def test_every_kind_and_a_site_have_one() -> None:
    assert set(CHECKLISTS) == {*Kind, SITE}


def test_items_are_known_by_their_codes_and_become_hazards_of_the_catalogue() -> None:
    for checklist in CHECKLISTS.values():
        codes = [item.code for item in checklist.items]
        assert len(codes) == len(set(codes))
        for item in checklist.items:
            assert checklist.item(item.code) is item
            assert item.hazard in KINDS
            assert item.zh
            assert item.en
            assert item.source
        assert checklist.item("colour") is None
