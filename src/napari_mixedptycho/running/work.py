"""One run as those see it who watch and steer it: what may be asked of it and told to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

from napari_mixedptycho.checkpoint import Saver
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.one_pattern import Compared, compare_pattern
from napari_mixedptycho.prepare import Prepared, prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.running.job import Job
from napari_mixedptycho.running.news import Look, Memory, News
from napari_mixedptycho.running.runner import Runner


class Work(Runner):
    """A run, beside whoever watches it.

    Parameters
    ----------
    job
        What to do.
    copy
        File in which the result is kept now and then, and when the run ends, however it ends.
    """

    def __init__(self, job: Job, copy: Path) -> None:
        self._job = job
        self._notes: deque[str] = deque()
        self._doubts: deque[tuple[str, ...]] = deque()
        self._saver = Saver(copy, job.recipe.run.checkpoint, self._notes.append)
        self._prepared: Prepared | None = None
        self._latest: Progress | None = None
        self._partial = False
        super().__init__(lambda: kept(self._journey(), self._saver))

    def leave(self) -> None:
        """Let go of a run that is over."""
        self.wait()

    def shutdown(self) -> None:
        """End the run and wait for it."""
        self.stop()
        self.wait()

    def look(self, *, resting: bool = False) -> Look:
        """Return what there is to be seen; not for the window's own thread, which would wait.

        Parameters
        ----------
        resting
            Leave news where they are for now, unless the run waits or is over.
        """
        # Asked in this order, no news can come between the last look and the end.
        over, waiting = self.over, self.paused
        news = None if resting and not (over or waiting) else self._told(over=over)
        if news is not None:
            news = replace(news, memory=Memory.now(self._job.recipe.run.device))
        notes = tuple(self._notes.popleft() for _ in range(len(self._notes)))
        doubtful = self._doubts.popleft() if self._doubts else None
        return Look(news, over, waiting, self.error, notes, doubtful)

    def keep(self) -> Path | None:
        """Write the copy now; returns where, or nothing when there is nothing yet or that failed."""
        if self._latest is None:
            return None
        self._saver.keep(self._latest.result)
        return self._saver.out if self._saver.out.is_file() else None

    def save(self, path: Path) -> None:
        """Write the latest result to a file of the user's own; raises `OSError`."""
        result = self._job.resume if self._latest is None else self._latest.result
        if result is not None:
            result.save(path)

    def compare(self, point: int) -> tuple[int, Compared] | None:
        """Compare the pattern of a scan point with the latest estimate; raises `InputError`.

        Returns
        -------
        The number of iterations done and what was found; nothing before the first.
        """
        progress, prepared = self._latest, self._prepared
        if progress is None or prepared is None:
            return None
        return progress.iteration, compare_pattern(prepared, progress.result, point)

    def _journey(self) -> Iterator[Progress]:
        """Reconstruct; in the thread of the run."""
        recipe, dataset = self._job.recipe, self._job.patterns()
        prepared = prepare(recipe, dataset)
        self._doubts.append(doubts(recipe, dataset, prepared.warnings))
        self._prepared = prepared
        for progress in reconstruct(recipe, prepared, self._job.resume):
            self._latest = progress
            yield progress

    def _told(self, *, over: bool) -> News | None:
        news = self.take()
        if over and news is None and self._partial and self._latest is not None:
            news = News(self._latest)  # once more, as a whole
        if over or news is None:
            self._partial = self._partial and not over
            return news
        self._partial = True
        shown = news.progress.result.replace(memory={})
        return replace(news, progress=replace(news.progress, result=shown))


def kept(steps: Iterator[Progress], saver: Saver) -> Iterator[Progress]:
    """Pass on the steps of a reconstruction; copy its result now and then, and however it ends."""
    latest = None
    try:
        with closing(cast("Generator[Progress]", steps)):
            for progress in steps:
                latest = progress.result
                saver.checkpoint(latest)
                yield progress
    finally:
        if latest is not None:
            saver.keep(latest)


def doubts(recipe: Recipe, dataset: Dataset, warnings: tuple[str, ...]) -> tuple[str, ...]:
    """Return what may be wrong; `warnings` are those of the data made ready."""
    if not recipe.prior_stands_back(dataset):
        return warnings
    text = (
        "The dose is not known, so the prior on the object is left out; step 2 takes the electrons per unit."
    )
    return (text, *warnings)
