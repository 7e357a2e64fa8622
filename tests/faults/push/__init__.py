"""Push under faults."""
