"""Rows to subscribers: what was committed is numbered, signed and posted to everybody who wants it (contract 9.3)."""
