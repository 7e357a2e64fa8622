"""The map: devices as GeoJSON, the ground under them, and where water is."""
