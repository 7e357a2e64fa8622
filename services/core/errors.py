"""The base of every error of ours. A rejected message is a value, never an exception."""

from collections.abc import Iterator


class FiretowerError(Exception):
    """Something a person must mend; its text names the cause and the cure."""


class BadSetting(FiretowerError):
    """A setting cannot be used; the program ends at once with this one line."""


class CannotListen(FiretowerError):
    """An address that a program must listen on is taken or not ours."""


class Fenced(FiretowerError):
    """Another process owns what this one tried to write; this one must end."""


def first_cause(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first of our own errors in a task group's failure, else the first of all."""
    causes = list(leaves(errors))
    return next((error for error in causes if isinstance(error, FiretowerError)), causes[0])


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the errors of a group, those of groups in it included."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
