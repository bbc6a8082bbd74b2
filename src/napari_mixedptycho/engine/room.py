"""How many patterns are in work at once: fewer, once memory ran out."""

from __future__ import annotations

import threading


class Room:
    """Patterns whose waves a thread holds at once; shared by all threads of an evaluation.

    Parameters
    ----------
    patterns
        How many are tried first.
    """

    def __init__(self, patterns: int) -> None:
        self.patterns = patterns
        self._lock = threading.Lock()
        self._news: list[str] = []

    def halve(self, tried: int) -> bool:
        """Take half as many, unless another thread has done so; False: a single pattern was too many."""
        with self._lock:
            if tried <= 1 or self.patterns < tried:
                return tried > 1
            self.patterns = tried // 2
            self._news.append(
                f"Memory ran out with {tried} patterns in work at once; going on with {self.patterns}."
            )
            return True

    def take_news(self) -> tuple[str, ...]:
        """Return what has happened since the last call, as sentences."""
        with self._lock:
            news, self._news = tuple(self._news), []
        return news
