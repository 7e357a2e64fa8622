"""The base of every error of ours. A rejected message is a value, never an exception."""


class FiretowerError(Exception):
    """Something a person must mend; its text names the cause and the cure."""


class BadSetting(FiretowerError):
    """A setting cannot be used; the program ends at once with this one line."""


class Fenced(FiretowerError):
    """Another process owns what this one tried to write; this one must end."""
