"""How a request is refused: 400 cannot be read, 404 does not exist, 501 in the standard but not built here."""

from services.api.request.problems import Problem


def refused(message: str) -> Problem:
    """Return a 400 whose message names what is wrong."""
    return Problem(400, "bad_query", message)


def missing(what: str) -> Problem:
    """Return a 404 that names what is not there, or belongs to another area."""
    return Problem(404, "not_found", f"there is no {what}")


def unsupported(what: str) -> Problem:
    """Return a 501 that names what is not built."""
    return Problem(501, "not_implemented", f"{what} is not supported here")
