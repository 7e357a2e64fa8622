"""Rows become alarms, and alarms reach the dispatch desk."""
