"""The base of every error of ours. A rejected message is a value, never an exception."""


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
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [errors]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(error.exceptions)
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, FiretowerError)), leaves[0])
