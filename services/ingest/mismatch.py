"""Readings on a topic of another kind than a person gave their device -> rejects. Pure; the plan calls it.

Each says what is wrong with the topic, never what would be wrong with the reading if it were of that kind.
"""

from dataclasses import replace

from services.core.topics import Kind
from services.ingest.decode import Message
from services.ingest.devices import Device
from services.ingest.mend import read_elements
from services.ingest.reject import Reject

MISMATCH = "kind_mismatch"


def kind_mismatches(message: Message, sent_as: Kind, device: Device) -> list[Reject]:
    """Return what is refused of readings on another kind's topic: once a person set the kind, the registry wins.

    That a reading has no good field of the kind in its topic says nothing: it may have all of its own.
    """
    detail = (
        f"the registry says {device.code} is a {device.kind}, its topic says {sent_as}: "
        "publish under the registered kind, or correct the kind in the registry"
    )
    lost = [
        replace(reject, reason=MISMATCH, detail=detail) if _lacks_fields(reject) else reject
        for reject in message.rejects
        if not reject.stored
    ]
    if not message.readings:
        return lost
    sent, _ = read_elements(message.payload, mixed=False)
    if len(sent) == 1 or any(reject.stored and reject.reason == "not_json" for reject in message.rejects):
        return [*lost, Reject(message.payload, MISMATCH, detail)]  # as it came, with all that is no object in it
    refused = {reject.element for reject in lost}
    return lost + [
        Reject(element.raw, MISMATCH, detail, element.index) for element in sent if element.index not in refused
    ]


def _lacks_fields(reject: Reject) -> bool:
    return reject.reason == "no_valid_field" or reject.reason.startswith("bad_field: ")
