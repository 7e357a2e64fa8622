"""OGC API Features 1.0 (17-069r4) with Part 2, CRS (18-058r1): devices, water, sites, alarms and areas for GIS."""
