"""If-Match: whether what a request read is what stands now."""

from typing import Annotated

from fastapi import Header

from services.api.request.problems import Problem

IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description='the ETag that was read, as `"3"`')
]


IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", max_length=200, description="`*`: only if there is none yet")
]


def versions_of(if_match: str | None) -> set[int] | None:
    """Return the versions that If-Match names; None: it names none or any (`*`)."""
    if if_match is None or if_match.strip() == "*":
        return None
    names = (part.strip() for part in if_match.split(","))
    return {
        int(name[1:-1])
        for name in names
        if len(name) > 2 and name[0] == name[-1] == '"' and name[1:-1].isascii() and name[1:-1].isdigit()
    }


def require_match(if_match: str | None) -> None:
    """Refuse (428) a request that must name the version it read and does not."""
    if if_match is None:
        raise Problem(428, "if_match_required", 'send If-Match with the ETag you read, as If-Match: "3"')


def check_match(if_match: str | None, current: int) -> None:
    """Refuse (412) when If-Match names other versions than the current one."""
    versions = versions_of(if_match)
    if versions is not None and current not in versions:
        raise Problem(
            412,
            "version_conflict",
            f"it is at version {current} now; read it again",
            headers={"ETag": f'"{current}"'},
            current_version=current,
        )


def check_none(if_none_match: str | None, current: int) -> None:
    """Refuse (412) when If-None-Match names the current version, or any (`*`): it is there already."""
    if if_none_match is None:
        return
    versions = versions_of(if_none_match.replace("W/", ""))  # compared weakly (RFC 9110, 13.1.2)
    if versions is None or current in versions:
        raise Problem(
            412,
            "version_conflict",
            f"it is there already, at version {current}: leave If-None-Match out to change it",
            headers={"ETag": f'"{current}"'},
            current_version=current,
        )
