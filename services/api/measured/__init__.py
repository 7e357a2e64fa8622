"""What came from the devices: readings, events, and what could not be stored."""
