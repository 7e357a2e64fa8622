"""Rows to subscribers: committed events are numbered, signed and posted to every subscriber (contract 9.3)."""
