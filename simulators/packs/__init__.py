"""Packs of readings with their truth, from a hydraulic twin and a wiring model: what detectors are measured with."""
