"""Copies of a running system, and systems made from copies: base copy, continuous log, and all that belongs to it."""
