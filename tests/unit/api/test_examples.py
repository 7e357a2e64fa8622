"""Every model of the OpenAPI document has an example, and the example is one."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from services.api.openapi import EXAMPLES
from tests.support.described import document

DOCUMENT = document()
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
MODELS = sorted(name for name, schema in SCHEMAS.items() if schema.get("type") == "object")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_an_example_that_fits_it(name: str) -> None:
    examples = SCHEMAS[name].get("examples")
    assert examples, f"{name}: give it one in examples.json, or json_schema_extra if it is a body"
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    for example in examples:
        jsonschema_rs.validator_for(schema).validate(example)


def test_no_example_is_left_of_a_model_that_is_gone() -> None:
    assert set(EXAMPLES) <= set(MODELS)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    found = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT)))
    assert found <= set(SCHEMAS)


def test_operation_ids_are_stable_names() -> None:
    found = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
    assert len(found) == len(set(found))
    assert all(name.isidentifier() for name in found)


def test_every_list_takes_a_limit_and_a_place_to_go_on_from() -> None:
    for path, methods in DOCUMENT["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = answer.get("application/json", {}).get("schema", {})
        if schema.get("$ref", "").startswith("#/components/schemas/Page_"):
            names = {one["name"] for one in methods["get"]["parameters"]}
            assert "limit" in names, path
            assert names & {"cursor", "since"}, path  # acts go on from a number of their own
