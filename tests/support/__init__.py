"""What tests stand on: real servers that end with the tests, faults on the wire, and traps. See `tests.conftest`."""
