"""Other numbers of a rule or a detector tried on stored readings: what would have been raised, and what missed.

A person asks through the API; `runner` starts a process of its own for each (`work`), one at a time.
"""
