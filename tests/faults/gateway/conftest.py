from tests.integration.gateway.conftest import gateway_port, metrics_port, whole

__all__ = ["gateway_port", "metrics_port", "whole"]
