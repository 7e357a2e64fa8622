"""How a program whose work can wait lets the others go first.

Called by what makes copies of the database. Linux shares the processors by session before it looks at the niceness of a
process (sched(7), "The autogroup feature"), and every program of ours has a session of its own: without the second step
the first says little.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_AUTOGROUP: Final = Path("/proc/self/autogroup")


def give_way(niceness: int) -> None:
    """Lower the precedence of this process, and of its session where it leads one, by so much (1 to 19)."""
    os.nice(niceness)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel without autogroups, or a mount that may only be read
            _AUTOGROUP.write_text(str(niceness))
