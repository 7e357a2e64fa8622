"""Prevention: what a hazard is, how it goes from found to verified, and how its steps are stored (contract 12)."""
