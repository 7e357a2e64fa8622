"""All programs, imported once, in the process that `tests.support.forked` forks them from: only there.

That process ends with the test process, and what is forked from it ends with it, however that ends.
"""

import gc
import os

import services.alerts.main
import services.api.main
import services.gateway.main
import services.ingest.main
import services.push.main
import services.relay.main  # noqa: F401
import simulators.desk  # noqa: F401
from services.cli import app as run
from stack.children import die_with_parent

__all__ = ["end_with_server", "run"]

die_with_parent(parent=os.getppid())()
end_with_server = die_with_parent()
gc.freeze()  # a collection in a child would copy every page
