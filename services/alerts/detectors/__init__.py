"""Early warning (contract 11): pure detectors beside the rules, which see an event before a legal limit trips.

Fed by `services.alerts.evaluate`. One file per idea; each says its source, its cost and its cold start.
"""

import os

# Matrices of a few hundred rows are not worth a second thread: it spins while it waits, which takes time from fires.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
