"""A chain's hash is that of the line as the database gives it back."""

import hashlib
from datetime import UTC, datetime

import orjson
import pytest

from services.core.alarms.ledger.chain import Transition, is_sealed, seal

LINE = Transition(1, 1, datetime(2026, 11, 29, tzinfo=UTC), "rule:x", "report", "opened", None, "closed", {})


@pytest.mark.parametrize(
    ("measured", "stored"), [(-0.0, 0.0), (1e17, 10**17), (2.0**60, 1152921504606847000), (1e20, 1e20), (0.1, 0.1)]
)
def test_a_number_is_sealed_as_it_is_read_again(measured: float, stored: float) -> None:
    written, read = (LINE._replace(detail={"value": value}) for value in (measured, stored))
    assert is_sealed(b"", read, seal(b"", written))
    content = written._asdict() | {"at": "2026-11-29T00:00:00.000000+00:00"}
    earlier = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
    assert is_sealed(b"", read, earlier), "sealed as it was measured, by an earlier release"
    assert not is_sealed(b"", read._replace(detail={"value": 0.2}), seal(b"", written))
