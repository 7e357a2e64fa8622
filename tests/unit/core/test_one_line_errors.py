"""What a person who starts a program sees when it cannot: one line that names the cause, never a traceback."""

import socket

import pytest

from services.core.errors import CannotListen, FiretowerError, first_cause
from services.core.metrics import serve_metrics


@pytest.fixture
def taken():
    """A port of loopback that somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_metrics_port_is_named(taken):
    with pytest.raises(CannotListen, match=f"FIRETOWER_METRICS_PORT: 127.0.0.1:{taken}"):
        serve_metrics("127.0.0.1", taken)


def test_our_own_error_is_the_cause_of_a_failed_group_however_deep():
    ours = FiretowerError("ours")
    group = BaseExceptionGroup("", [ValueError(), BaseExceptionGroup("", [OSError(), ours])])
    assert first_cause(group) is ours
    other = ValueError()
    assert first_cause(BaseExceptionGroup("", [other])) is other
