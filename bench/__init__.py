"""Measurements of a running system, and of the limits of the machine it runs on. Used by `firetower bench`."""

import services.alerts.detectors  # noqa: F401 - before numpy, so that it takes one thread here as it does in alerts
