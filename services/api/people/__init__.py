"""People and machines with access: signing in, users, keys, passwords, and the audit of what they changed."""
