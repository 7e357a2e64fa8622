"""What the programs tell Prometheus, by name."""

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from services.core import metrics


def exported() -> dict[str, set[str]]:
    """Return the labels of each series."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name = next(iter(metric.describe())).name
            labels = set(metric._labelnames)  # noqa: SLF001 - it has no public name
            if isinstance(metric, Histogram):
                found |= {f"{name}_bucket": labels | {"le"}, f"{name}_count": labels, f"{name}_sum": labels}
            else:
                found[name + ("_total" if isinstance(metric, Counter) else "")] = labels
    return found
