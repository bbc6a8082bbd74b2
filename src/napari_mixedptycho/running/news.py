"""What is told of a run to whoever watches it."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from napari_mixedptycho._device import Found, free_memory, in_use, taken_memory
from napari_mixedptycho.reconstruct import Progress


@dataclass(frozen=True)
class Memory:
    """What a run takes of the memory.

    Attributes
    ----------
    process
        Number of the process that computes.
    taken, free
        Bytes: what that process has taken of the host's memory, and what is left there; None: not known.
    gpus
        On which it computes.
    """

    process: int
    taken: int | None
    free: int | None
    gpus: tuple[Found, ...]

    @classmethod
    def now(cls, wish: str) -> Memory:
        """Look at this process, which computes with this wish (`run.device`)."""
        return cls(os.getpid(), taken_memory(), free_memory(np), in_use(wish))


@dataclass(frozen=True)
class News:
    """The latest of a run.

    Attributes
    ----------
    progress
        Where it stands.
    told
        What has happened to the computing since news was last taken: none of it is overtaken.
    memory
        What the run takes of it; None: nobody has looked.
    """

    progress: Progress
    told: tuple[str, ...] = ()
    memory: Memory | None = None


@dataclass(frozen=True)
class Look:
    """What there is to be seen of a run.

    Attributes
    ----------
    news
        The latest, if there is any since the last look. While the run goes on its result is without the
        solver's memory, which is many times as large as the rest.
    over, waiting
        Whether the run has ended, and whether it waits between two iterations: no news comes after these.
    error
        What ended it, if anything went wrong.
    notes
        What was not done as asked since the last look, each a sentence: that no copy could be written.
    doubts
        What may be wrong with data or recipe, each a sentence; None: told before, or not known yet.
    """

    news: News | None = None
    over: bool = False
    waiting: bool = False
    error: Exception | None = None
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] | None = None
