"""Rules: pure functions from readings and events to findings, with their parameters as data."""
