"""Holds every answer of the API against its own OpenAPI document. Hooked into the clients of the API's tests.

The document is the file that is kept: to work it out takes two seconds in every worker, and `test_generated.py` holds
the file to what the program says. Promises that an answer which the document does not describe fails the test that got
it, whatever that test looks at.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs

_KEPT = Path(__file__).parents[2] / "docs" / "openapi.json"
_ANYWHERE = {"400", "405", "413", "415", "500"}  # what the gate and the server answer to any request
_PROBLEM = "application/problem+json"


@cache
def document() -> dict[str, Any]:
    """The description of the API."""
    found: dict[str, Any] = json.loads(_KEPT.read_bytes())
    return found


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    templates = sorted(document()["paths"], key=lambda path: path.count("{"))  # a fixed name before a parameter
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), path) for path in templates]


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for({**json.loads(schema), "components": document()["components"]})


def undescribed(method: str, path: str, status: int, content_type: str, body: bytes) -> str | None:
    """Return how the answer differs from the document, or None."""
    verb, described = method.lower(), document()["paths"]
    template = next((name for pattern, name in _paths() if pattern.match(path) and verb in described[name]), None)
    if template is None:
        return None if status >= 400 or not path.startswith("/api/") else f"{method} {path} is not in the document"
    operation = described[template][verb]
    kind = content_type.partition(";")[0]
    if str(status) not in operation["responses"]:
        if str(status) in _ANYWHERE and kind == _PROBLEM:
            return None
        return f"{method} {template} answered {status}, which is not described"
    content = operation["responses"][str(status)].get("content")
    if not content:
        return f"{method} {template} {status} has a body" if body else None
    if kind not in content:
        return f"{method} {template} {status} is {kind}, not {', '.join(content)}"
    if not kind.endswith("json"):
        return None

    validator = _validator(json.dumps(content[kind].get("schema", {})))
    errors = [
        f"{'/'.join(map(str, one.instance_path))}: {one.message}" for one in validator.iter_errors(json.loads(body))
    ]
    return f"{method} {template} {status}: {'; '.join(errors[:3])}" if errors else None


async def hold_to_the_document(response: httpx2.Response) -> None:
    """Fail on an answer that is not as described."""
    if response.request.url.path == "/api/v1/stream" or response.request.method == "HEAD":  # nothing to be held
        return
    body = await response.aread()
    request = response.request
    found = undescribed(
        request.method, request.url.path, response.status_code, response.headers.get("content-type", ""), body
    )
    assert found is None, found
