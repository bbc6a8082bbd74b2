"""Let a reconstruction run while its result is kept safe: checkpoints, full disks, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from napari_mixedptycho._array import select
from napari_mixedptycho.cli._progress import Display, size
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result

_SHARE = 20
"""Saving may take this fraction of the time at most: a checkpoint that took a second waits for twenty."""


class Terminated(KeyboardInterrupt):
    """The system asks the program to end (SIGTERM), as batch queues do."""


class NotSavedError(OSError):
    """The final result could not be written where it should be."""


class Saver:
    """Writes the result now and then; a disk that refuses is reported once and does not stop the run."""

    def __init__(self, out: Path, interval: float | None, say: Callable[[str], None]) -> None:
        self.out = out
        self._interval = interval
        self._say = say
        self._due = time.monotonic() + (interval or 0)
        self._complained = False

    def checkpoint(self, result: Result) -> None:
        """Save when it is time again."""
        began = time.monotonic()
        if self._interval is None or began < self._due:
            return
        try:
            self.save(result)
        except OSError as error:
            if not self._complained:
                self._say(
                    f"{self.out}: the checkpoint could not be written ({_reason(error)}); going on in memory."
                )
            self._complained = True
        now = time.monotonic()
        self._due = now + max(self._interval, _SHARE * (now - began))

    def save(self, result: Result) -> None:
        """Save without being interrupted in the middle."""
        with _deferred_signals():
            result.save(self.out)

    def finish(self, result: Result) -> None:
        """Save the last result; where that fails, in the system's folder for temporary files.

        Raises
        ------
        NotSavedError
            When it is not where it should be; says where it is.
        """
        try:
            self.save(result)
            return
        except OSError as error:
            reason = _reason(error)
        try:
            refuge = Path(tempfile.mkdtemp(prefix="mixedptycho-")) / self.out.name
            with _deferred_signals():
                result.save(refuge)
            where = f"in {refuge}"
        except OSError:
            where = "lost"
        raise NotSavedError(f"{self.out} could not be written ({reason}); the result is {where}.")


def compute(
    recipe: Recipe, dataset: Dataset, out: Path, resume: Result | None, display: Display
) -> tuple[Result | None, int]:
    """Reconstruct into a file, whatever happens.

    Parameters
    ----------
    recipe, dataset, resume
        As for `reconstruct`.
    out
        The result file.
    display
        Shows the progress.

    Returns
    -------
    tuple
        The last result (None when stopped before there was one), and the exit code: 0, 130 after Ctrl-C,
        143 when the system ended the run. The result is saved in each case.

    Raises
    ------
    InputError
        When recipe, data and result do not fit together.
    NotSavedError
        When the result could not be written.
    """
    display.say(headline(recipe, dataset))
    saver = Saver(out, recipe.run.checkpoint, display.say)
    latest, code = None, 0
    try:
        with _termination_as_interrupt():
            for progress in reconstruct(recipe, dataset, resume):
                latest = progress.result
                display.show(progress)
                saver.checkpoint(latest)
    except KeyboardInterrupt as stop:
        code = 143 if isinstance(stop, Terminated) else 130
    finally:
        display.end()
        if latest is not None:
            saver.finish(latest)
    return latest, code


def headline(recipe: Recipe, dataset: Dataset) -> str:
    """Say in one line what will be computed, from what, and how much memory it will take."""
    model, run = recipe.model, recipe.run
    stages = " + ".join(f"{stage.iterations} {stage.name}" for stage in recipe.stages)
    counts = [(model.states, "state"), (model.slices, "slice"), (model.probe_modes, "probe mode")]
    parts = " × ".join(f"{count} {name}{'s' if count != 1 else ''}" for count, name in counts)
    rows, columns = dataset.scan_shape
    if recipe.data.scan_region is not None:
        top, bottom, left, right = recipe.data.scan_region
        rows, columns = bottom - top, right - left
    needed = estimate_memory(recipe, dataset)
    return (
        f"{dataset.name}: {rows}×{columns} patterns of {dataset.detector_size}×{dataset.detector_size} px; "
        f"{parts}, object {needed.shape[0]}×{needed.shape[1]} px; iterations: {stages}; "
        f"about {size(needed.total)} of memory; "
        + (f"CPU, {run.threads or os.cpu_count()} thread(s)" if select(run.device) is np else "GPU")
    )


def _reason(error: OSError) -> str:
    return " ".join((error.strerror or str(error)).split()).rstrip(".")


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, the result saved."""
    if not _in_main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _deferred_signals() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until a file is complete."""
    if not _in_main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {
        number: signal.signal(number, lambda number, frame: held.append((number, frame)))
        for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in held[:1]:
            if callable(before[number]):
                before[number](number, frame)
