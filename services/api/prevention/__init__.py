"""Prevention: hazards that people and the system find, and what is done about them (contract 12)."""
