"""Simulated devices and a stand-in dispatch desk."""
