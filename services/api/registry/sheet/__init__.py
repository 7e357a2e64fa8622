"""A ledger of devices as a file: its bytes, text, values, rows, and what looks wrong in it. Pure."""
