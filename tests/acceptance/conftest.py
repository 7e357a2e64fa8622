from tests.integration.alerts.conftest import alerts, county, desk

__all__ = ["alerts", "county", "desk"]
