"""The fixtures of push's own tests."""

from tests.integration.push.conftest import county, push, subscribe, tell

__all__ = ["county", "push", "subscribe", "tell"]
