"""What OpenAPI says of a route: the model that it answers, and the problems that it can meet."""

from typing import Any

from services.api.request.problems import ProblemDocument

PROBLEM_CONTENT = {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}}
_PROBLEMS = {
    400: "The request cannot be read",
    401: "Nobody is signed in, or the key is not valid",
    403: "The role or the areas do not allow it",
    404: "There is no such thing, or it belongs to another area",
    408: "The body did not come in time",
    409: "What stands forbids it",
    412: "It has changed since it was read",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is not valid; `errors` names the fields",
    428: "If-Match is required",
    429: "Too many tries, or too many requests of one caller at a time",
    501: "The standard has it, and it is not built here",
    502: "The broker does not answer",
    503: "The database does not answer, or not in time",
}


def described(
    model: Any, *problems: int, status: int = 200, etag: bool = False, sheet: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Return what a route answers, for OpenAPI: `model` at `status`, and the problems it can meet.

    `sheet`: the list is also answered as CSV.
    """
    shown: dict[int | str, dict[str, Any]] = {}
    good: dict[str, Any] = {"description": "Done"} if model is None else {"model": model, "description": "Done"}
    if etag:
        good["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "the version, for If-Match"}}
    if sheet:
        good["content"] = {"text/csv": {"schema": {"type": "string"}}}
    codes = sorted({401, 403, 422, 429, 503, *problems})
    shown[status] = good
    for code in codes:
        shown[code] = problem_described(code)
    return shown


def problem_described(code: int) -> dict[str, Any]:
    """Return what OpenAPI says of a refusal with this status."""
    return {"description": _PROBLEMS[code], "content": PROBLEM_CONTENT}
