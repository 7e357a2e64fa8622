"""What this process may use of the machine. Used by every program that holds many connections."""

import resource


def raise_file_limit() -> int:
    """Allow as many open files as the system lets us; return how many that are.

    The soft limit that a shell or a container hands down is often 1 024: with it, the thousandth connection is refused.
    Every process may raise its own soft limit to the hard one, and child processes inherit what was raised.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
