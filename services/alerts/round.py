"""Where a look begins while more may be found than one look takes. Used by `silence` and `unreadable`.

Promises that every other look begins at the top, with what is worst, and that the others go round all the rest: what
no look settles (a rule that is off) hides nobody.
"""


class Round:
    """Goes round in looks of at most `most` rows each."""

    def __init__(self, most: int) -> None:
        self.behind = 0  # so many rows are passed over by the next look
        self._most = most
        self._passed_over = 0  # behind so many the round goes on

    def go_on(self, behind: int, rows: int, left: int) -> None:
        """Note a look: where it began, how many rows it found, and how many of them will be found there again."""
        more = rows >= self._most
        if behind:
            self._passed_over, self.behind = behind + left if more else 0, 0
        else:
            self._passed_over = (self._passed_over or left) if more else 0
            self.behind = self._passed_over
