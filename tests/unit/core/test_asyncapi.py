from pathlib import Path

from services.core.asyncapi import document, render
from services.core.contracts import READING_FIELDS
from services.core.topics import Channel, Kind

DOCS = Path(__file__).parents[3] / "docs"


def test_the_committed_document_is_fresh():
    assert (DOCS / "asyncapi.yaml").read_text(encoding="utf-8") == render(), "run scripts/generate-asyncapi"


def test_every_field_of_every_kind_is_described():
    schemas = document()["components"]["schemas"]
    for kind in Kind:
        assert set(READING_FIELDS[kind]) <= set(schemas[f"{kind.capitalize()}Reading"]["properties"])


def test_every_channel_has_an_address():
    addresses = [channel["address"] for channel in document()["channels"].values()]
    assert {address.split("{device}/")[1] for address in addresses} == {str(channel) for channel in Channel}


def test_every_reference_leads_somewhere():
    whole = document()

    def references(node):
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(node, list):
            for item in node:
                yield from references(item)

    for reference in references(whole):
        node = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
