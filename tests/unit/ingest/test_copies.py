"""Stored copies are told from live messages by our own probe, deletions keep their mark."""

from services.core.mqtt import Delivery
from services.ingest.copies import StoredCopies

PROBE = "firetower/ingest/all/event/probe"
STATUS = "fire/v1/140931100/panel/P1/up/status"


def told(copies, *, topic=STATUS, payload=b"{}", retain=True, generation=1, session_present=False):
    delivery = Delivery(topic, payload, 1, retain, False, 1, generation)
    copies.tell(delivery, session_present=session_present)
    return delivery.retain


def test_on_a_new_session_copies_come_until_the_first_probe():
    copies = StoredCopies(PROBE)
    assert told(copies) is True
    told(copies, topic=PROBE, payload=b"1", retain=False)
    assert told(copies) is False


def test_a_session_that_went_on_brings_no_copies():
    assert told(StoredCopies(PROBE), session_present=True) is False


def test_a_new_session_after_a_loss_brings_copies_again():
    copies = StoredCopies(PROBE)
    told(copies, topic=PROBE, payload=b"1", retain=False)
    assert told(copies, generation=2) is True


def test_a_deletion_stays_one_and_a_plain_message_plain():
    copies = StoredCopies(PROBE)
    told(copies, topic=PROBE, payload=b"1", retain=False)
    assert told(copies, payload=b"") is True
    assert told(copies, retain=False) is False
    assert told(copies, payload=b"", retain=False) is False
