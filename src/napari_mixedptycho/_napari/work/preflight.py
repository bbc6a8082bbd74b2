"""Before a run: what it will take, and what may be wrong, shown beside the button and never in its way."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_mixedptycho._device import Found, devices, free_memory
from napari_mixedptycho._napari.background import Background
from napari_mixedptycho._napari.control import in_words
from napari_mixedptycho._napari.pace import Pace
from napari_mixedptycho._napari.remarks import cost
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.book import Entry
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho.checks.verdicts import verdicts
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.effort import estimate_effort
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.prepare import prepare
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.running import doubts
from napari_mixedptycho.words import duration, size
from napari_mixedptycho.workload import pattern_bytes

_PATIENCE = 500
"""Milliseconds after the last change before anything is looked at."""
_SMALL = 2**28
"""Bytes of patterns up to which all of them are read beforehand."""


class Preflight(QObject):
    """Looks at recipe and data while the step is in view and nothing runs."""

    def __init__(self, desk: Desk, steps: Steps, runs: Runs) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._runs = desk, steps, runs
        self._work = Background("mixedptycho preflight", self)
        self._work.arrived.connect(self._show)
        self._work.failed.connect(lambda error: self._show(Seen(in_words(error))))
        self._pace: Pace | None = None
        self._seconds: float | None = None
        self._seen: tuple[Recipe, Dataset] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE)
        self._timer.timeout.connect(self.look)
        steps.shown.connect(self._shown)
        for form in (steps.run.stages, steps.run.form):
            form.changed.connect(self._changed)
        steps.run.turned.connect(lambda _: self._changed())
        runs.over.connect(self._learn)
        runs.starting.connect(self._leave)

    @property
    def busy(self) -> bool:
        """Whether something is being looked at, or will be."""
        return self._work.busy or self._timer.isActive()

    def look(self) -> None:
        """Look at recipe and data, unless they are those seen last."""
        page, dataset = self._steps.run, self._desk.dataset
        if dataset is None or self._runs.running:
            return
        try:
            recipe = self._steps.recipe()
        except InputError as error:
            self._seen = None
            self._show(Seen(str(error)))
            return
        if self._has_seen(recipe, dataset):
            return
        self._seen, self._seconds = (recipe, dataset), None
        page.plan.show_verdicts("", ())
        self._work.ask(lambda post: post(looked_at(recipe, dataset)))

    def _has_seen(self, recipe: Recipe, dataset: Dataset) -> bool:
        """Tell whether these were seen last; the same file opened again is other data."""
        return self._seen is not None and self._seen[0] == recipe and self._seen[1] is dataset

    def _leave(self) -> None:
        """Leave the cores to the run."""
        self._timer.stop()
        self._work.cancel()
        self._seen = None

    def shutdown(self) -> None:
        """Wait for what is being looked at."""
        self._timer.stop()
        self._work.shutdown()

    def _shown(self, step: str) -> None:
        if step == "run":
            self._estimate()
            self._changed()

    def _changed(self) -> None:
        if self._steps.step == "run" and not self._runs.running:
            self._estimate()
            self._timer.start()

    def _estimate(self) -> None:
        dataset = self._desk.dataset
        if dataset is None or self._runs.running:
            return
        with suppress(InputError):
            recipe = self._steps.recipe()
            memory, choice = cost(recipe, dataset)
            self._steps.run.show_cost(memory, self._time(recipe, dataset), choice)

    def _time(self, recipe: Recipe, dataset: Dataset) -> str:
        seconds = None if self._pace is None else self._pace.judge(recipe, dataset)
        if seconds is not None and self._pace is not None:
            return f"Will take about {duration(seconds)}, judged by {self._pace.run}."
        if self._seconds is not None and self._has_seen(recipe, dataset):
            return f"Will take about {duration(self._seconds)}."
        return ""

    def _learn(self, entry: Entry | None) -> None:
        job = None if entry is None else entry.job
        if entry is not None and job is not None and entry.result is not None:
            self._pace = Pace.of(entry.result, job.dataset, entry.name) or self._pace
        self._changed()

    def _show(self, found: Seen) -> None:
        wrong, told, self._seconds = found.wrong, found.told, found.seconds
        self._steps.run.plan.show_devices(found.devices)
        self._estimate()
        self._steps.run.plan.show_verdicts(wrong, told)
        self._steps.run.show_doubts(bool(wrong or told))


@dataclass(frozen=True)
class Seen:
    """What was seen before a run.

    Attributes
    ----------
    wrong
        What stands in the way, or nothing.
    told
        What may be wrong, in sentences.
    seconds
        That the run will take; None: not known.
    devices
        What can be computed on, now.
    """

    wrong: str = ""
    told: tuple[str, ...] = ()
    seconds: float | None = None
    devices: tuple[Found, ...] = ()


def looked_at(recipe: Recipe, dataset: Dataset) -> Seen:
    """Look at a recipe and its data; reads all patterns where they are few."""
    memory, _ = cost(recipe, dataset)
    free, there = free_memory(np), devices()
    told: tuple[str, ...] = ()
    if free is not None and memory > free:
        told = (
            f"It will take about {size(memory)} of memory, but {size(free)} are free: take fewer states or "
            "slices, or a part of the scan (step 1).",
        )
    if pattern_bytes(recipe, dataset) > _SMALL:
        return Seen("", (*told, *verdicts(dataset, recipe.model.states)), _seconds(recipe, dataset), there)
    try:
        prepared = prepare(recipe, dataset)
    except InputError as error:
        return Seen(str(error), told, None, there)
    return Seen("", (*told, *doubts(recipe, dataset, prepared.warnings)), _seconds(recipe, dataset), there)


def _seconds(recipe: Recipe, dataset: Dataset) -> float | None:
    with suppress(InputError):
        return estimate_effort(recipe, dataset).seconds
    return None
