"""Why an act on an alarm is refused. Raised by the ledger; the API answers 404 and 409."""

from services.core.errors import FiretowerError


class NotFound(FiretowerError):
    """There is no such alarm, notice or site (404)."""


class NotAllowed(FiretowerError):
    """The life cycle forbids it (409). The message is for the person who asked, Chinese in `zh`."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
