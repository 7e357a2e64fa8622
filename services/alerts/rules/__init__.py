"""Rules: pure functions from readings and events to findings; their numbers are in `core/rules`."""
