"""Let a reconstruction run while its result is kept safe, also from Ctrl-C."""

from __future__ import annotations

import contextlib
import operator
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np

from napari_mixedptycho._array import select
from napari_mixedptycho.checkpoint import Saver, in_main_thread
from napari_mixedptycho.cli._progress import Display
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.effort import estimate_effort
from napari_mixedptycho.engine.comm import ALONE, Comm
from napari_mixedptycho.engine.orders import serve
from napari_mixedptycho.errors import DivergedError, InputError
from napari_mixedptycho.memory import estimate_memory
from napari_mixedptycho.prepare import Prepared, for_detector, known_thickness, prepare
from napari_mixedptycho.preprocess import shape_after
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.words import counted, duration, size
from napari_mixedptycho.workload import thread_count


class Terminated(KeyboardInterrupt):
    """The system asks the program to end (SIGTERM), as batch queues do."""


def compute(
    recipe: Recipe, dataset: Dataset, out: Path, resume: Result | None, display: Display, comm: Comm = ALONE
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
    comm
        The processes that share the work; this is the first of them.

    Returns
    -------
    tuple
        The last result (None when stopped before there was one), and the exit code: 0, 130 after Ctrl-C,
        143 when the system ended the run. The result is saved in each case.

    Raises
    ------
    InputError
        When recipe, data and result do not fit together.
    DivergedError
        When the reconstruction left the numbers; what there was before is saved.
    NotSavedError
        When the result could not be written.
    """
    known_thickness(recipe, dataset)
    display.say(headline(recipe, dataset, comm))
    if recipe.prior_stands_back(dataset):
        display.say(
            "The dose is not known, so that the prior on the object is left out; if it is known to you, set "
            "microscope.electrons_per_unit (electrons per stored unit)."
        )
    saver = Saver(out, recipe.run.checkpoint, display.say)
    latest, code = None, 0
    try:
        with termination_as_interrupt():
            prepared = _all_ready(prepare(recipe, dataset, comm))
            for text in remarks(prepared):
                display.say(text)
            for progress in reconstruct(recipe, prepared, resume):
                latest = progress.result
                _tell(display, progress)
                saver.checkpoint(latest)
    except KeyboardInterrupt as stop:
        code = 143 if isinstance(stop, Terminated) else 130
    except DivergedError as error:
        kept = "nothing was saved" if latest is None else f"the last good iteration is saved as {out}"
        raise DivergedError(f"{error} It was stopped; {kept}.") from None
    finally:
        display.end()
        if latest is not None:
            saver.finish(latest)
    return latest, code


def _tell(display: Display, progress: Progress) -> None:
    for text in progress.news:
        display.say(text)
    display.show(progress)
    display.warn(progress.health)


def assist(recipe: Recipe, dataset: Dataset, comm: Comm) -> int:
    """Evaluate a part of the patterns for the first process, until that is all; signals are its business."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        prepared = prepare(recipe, dataset, comm)
    except Exception as error:  # noqa: BLE001 - the first process says it, once
        comm.total([f"Process {comm.rank}: {error}"], operator.add)
        comm.tell()
        return 1
    comm.total([], operator.add)
    serve(prepared.problem, lambda part: for_detector(prepared, part).problem)
    return 0


def _all_ready(prepared: Prepared) -> Prepared:
    """Return the same, once every process is ready."""
    nothing: list[str] = []
    for fault in prepared.problem.comm.total(nothing, operator.add):
        raise InputError(fault)
    return prepared


def headline(recipe: Recipe, dataset: Dataset, comm: Comm = ALONE) -> str:
    """Say in one line what will be computed, from what, and how much memory and time it will take."""
    model, run = recipe.model, recipe.run
    stages = " + ".join(f"{stage.iterations} {stage.name}" for stage in recipe.stages)
    counts = [(model.states, "state"), (model.slices, "slice"), (model.probe_modes, "probe mode")]
    parts = " × ".join(counted(count, name) for count, name in counts)
    rows, columns, edge, _ = shape_after(recipe.data, dataset.patterns.shape)
    needed, on_cpu = estimate_memory(recipe, dataset), select(run.device) is np
    return (
        f"{dataset.name}: {rows}×{columns} patterns of {edge}×{edge} px; "
        f"{parts}, object {needed.shape[0]}×{needed.shape[1]} px; iterations: {stages}; "
        f"about {size(needed.total)} of memory; "
        + (f"CPU, {counted(thread_count(run), 'thread')}" if on_cpu else "GPU")
        + (f", {comm.size} processes" if comm.size > 1 else "")
        + f"; {'about' if on_cpu else 'at least'} {duration(estimate_effort(recipe, dataset, comm).seconds)}"
    )


def remarks(prepared: Prepared) -> list[str]:
    """Say what was done to the data, which loss they asked for, and what may be wrong with data or recipe."""
    counted, stages = prepared.problem.counted, prepared.recipe.stages
    auto = [stage.loss for stage in stages if stage.loss.kind == "auto"]
    choices = {f"Loss: {loss.chosen(counted).kind}, since {loss.reason(counted)}.": None for loss in auto}
    told = (f"Data: {text}" for text in prepared.dataset.notes)
    return [*told, *choices, *(f"Warning: {text}" for text in prepared.warnings)]


@contextlib.contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, the result saved."""
    if not in_main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
