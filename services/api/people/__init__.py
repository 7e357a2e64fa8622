"""People and machines that may ask: signing in, users, keys, passwords, and the audit of what they changed."""
