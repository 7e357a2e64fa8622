"""How the system itself fares: health, the legal clocks, work set aside, and what is cleared away."""
