"""What ingest says of a refused message, in Chinese. Pure.

A sentence of ingest is put together from parts with "; " between them; each part is in the catalogue of refusals.
"""

from services.api.request.chinese import in_chinese


def reject_in_chinese(detail: str) -> str | None:
    """Return the detail of a reject in Chinese, or None where a part of it is not known.

    One may be of another release, or have "; " in a value: half a sentence in each language would be worse.
    """
    parts = [in_chinese(part) for part in detail.split("; ")]
    return None if None in parts else "；".join(part for part in parts if part is not None)
