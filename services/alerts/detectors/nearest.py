"""The nearest hydrants of each. Used by `group` and `onset`. Cost: n² once."""

from __future__ import annotations

import numpy as np

from services.alerts.detectors.finding import Place


def nearest(places: list[Place | None], count: int) -> np.ndarray:
    """Return the numbers of each device's nearest ones, itself first; without a place it has only itself."""
    lon = np.array([np.nan if place is None else place.lon for place in places])
    lat = np.array([np.nan if place is None else place.lat for place in places])
    east = lon * np.cos(np.radians(np.nanmean(lat) if np.isfinite(lat).any() else 0.0))
    found = np.zeros((len(places), count), dtype=np.intp)
    for number in range(len(places)):
        away = np.hypot(east - east[number], lat - lat[number])
        away[np.isnan(away)] = np.inf
        away[number] = -1.0
        order = np.argsort(away, kind="stable")[:count]
        found[number] = np.where(np.isinf(away[order]), number, order)
    return found
