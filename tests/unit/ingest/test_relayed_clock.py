"""The clock in what a relay brings is judged by when its township received it, and by nothing that lies ahead of us."""

import pytest

from services.core.contracts import RECEIVED
from services.core.moment import DAY_US
from services.ingest.moment import LONGEST_AWAY_US, relayed_us

NOW_US = 1_795_460_000_000_000


@pytest.mark.parametrize(
    ("marks", "judged_us"),
    [
        ((), NOW_US),
        (((RECEIVED, str(NOW_US - 40 * DAY_US)),), NOW_US - 40 * DAY_US),
        ((("other", "1"), (RECEIVED, str(NOW_US - DAY_US))), NOW_US - DAY_US),
        (((RECEIVED, str(NOW_US + DAY_US)),), NOW_US),
        (((RECEIVED, "0"),), NOW_US - LONGEST_AWAY_US),
        (((RECEIVED, "soon"), (RECEIVED, "9" * 40), (RECEIVED, "-1"), (RECEIVED, "\u0663")), NOW_US),
    ],
)
def test_a_moment_that_cannot_be_one_is_left_out(marks: tuple[tuple[str, str], ...], judged_us: int) -> None:
    assert relayed_us(marks, NOW_US) == judged_us
