"""Inspections (巡查): what people found at a device or site, with a photo, and what is due (contract 12)."""
