"""Filling the queue and working it off: what fails does not stop what follows."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QObject, QTimer

from napari_mixedptycho._napari.run_names import unused
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.book import Entry
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.judging import Judging
from napari_mixedptycho._napari.work.queue import RUNS, WAITS, Queue, Waiting
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho.analysis.bracket import SIDES
from napari_mixedptycho.bracket import from_side
from napari_mixedptycho.control import control_recipe, judged_columns
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.result import Result
from napari_mixedptycho.running.job import Job
from napari_mixedptycho.scan import Axis, combinations
from napari_mixedptycho.variants import other_seed, pure


class Lining(QObject):
    """The queue of the dock."""

    def __init__(self, desk: Desk, steps: Steps, runs: Runs) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._runs = desk, steps, runs
        self.queue = Queue(self)
        # Before the queue hears of an end: what was found is noted beside its entry.
        self.judging = Judging(desk, steps, runs, self._control_coming)
        page = steps.run.line
        page.add_button.clicked.connect(lambda: desk.attempt(self.add))
        page.each.connect(lambda text: desk.attempt(self.add_each, text))
        page.series_button.clicked.connect(lambda: desk.attempt(self.add_series))
        page.start_button.clicked.connect(lambda: desk.attempt(self.start_or_hold))
        page.removed.connect(self._remove)
        page.moved.connect(self.queue.move)
        self.queue.changed.connect(self._show)
        runs.over.connect(self._over)

    def add(self) -> None:
        """Queue the settings on screen; raises `InputError`."""
        dataset, recipe = self._desk.needed_dataset, self._steps.recipe()
        states = recipe.model.states
        name = "pure" if states == 1 else f"{states} states"
        self.queue.add(Waiting(self._free(name), recipe, dataset))
        self._show_page()

    def add_series(self) -> None:
        """Queue the settings on screen with one state, as they are, and their control (`InputError`)."""
        dataset, recipe = self._desk.needed_dataset, self._steps.recipe()
        if recipe.model.states < 2:
            raise InputError("A series needs several object states: choose them in step 3.")
        one, several = self._free("pure"), self._free("mixed")
        control = self._free(f"control of {several}")
        self.queue.add(
            Waiting(one, pure(recipe), dataset),
            Waiting(several, recipe, dataset),
            Waiting(control, of=several),
        )
        self._show_page()

    def add_each(self, text: str) -> None:
        """Queue the settings on screen once for every value of a setting, or combination (`InputError`)."""
        dataset, recipe = self._desk.needed_dataset, self._steps.recipe()
        try:
            axes = [Axis.parse(part) for part in text.split(";") if part.strip()]
            points = combinations(recipe, axes)
        except InputError as error:
            raise InputError(str(error).replace("--over ", "")) from None
        self.queue.add(*(Waiting(self._free(point.name), point.recipe, dataset) for point in points))
        self._show_page()

    def duplicate(self, name: str, kind: str) -> None:
        """Queue a run like another one, with one thing changed; raises `InputError`.

        Parameters
        ----------
        name
            Of the run.
        kind
            ``pure``, ``control``, ``planted``, ``seed`` or ``bracket``. A planted motion needs the control,
            which is queued before it where it is not there.
        """
        entry = self._runs.book.find(name)
        result = entry.needed()
        if kind in ("control", "planted"):
            if kind == "control" or not self._controlled(name, result):
                self.queue.add(Waiting(self._free(f"control of {name}"), of=name))
            if kind == "planted":
                planted = self._steps.methods().planted
                self.queue.add(Waiting(self._free(f"planted motion of {name}"), of=name, planted=planted))
        else:
            dataset = self._data(entry)
            self.queue.add(*self._copies(result, dataset, name, kind))
        self._show_page()

    def renamed(self, name: str, new: str) -> None:
        """Let what waits for a run follow its new name."""
        for waiting in self.queue.entries:
            waiting.of = new if waiting.of == name else waiting.of

    def shutdown(self) -> None:
        """Wait for what is being measured."""
        self.judging.shutdown()

    def start_or_hold(self) -> None:
        """Work off the queue, or take no other entry."""
        if self.queue.working:
            self.queue.hold()
            return
        self.queue.work()
        self._next()

    def _controlled(self, name: str, result: Result) -> bool:
        """Tell whether the stationary control of a run is there, or will be."""
        return self._control_coming(name) or self._runs.book.control_of(result) is not None

    def _control_coming(self, name: str) -> bool:
        """Tell whether the stationary control of a run waits or runs."""
        return any(e.of == name and e.planted is None for e in self.queue.entries if e.pending)

    def _copies(self, result: Result, dataset: Dataset, name: str, kind: str) -> list[Waiting]:
        recipe = result.recipe
        made: list[tuple[str, Recipe]]
        if kind == "pure":
            made = [(f"{name} pure", pure(recipe))]
        elif kind == "seed":
            made = [(f"{name} seed {recipe.run.seed + 1}", other_seed(recipe))]
        else:
            settings = self._steps.methods().bracket
            made = [(f"{name} from {side}", from_side(recipe, settings, side)) for side in SIDES]
        return [Waiting(self._free(words), copy, dataset) for words, copy in made]

    def _data(self, entry: Entry) -> Dataset:
        if entry.job is not None and entry.job.still is None:
            return entry.job.dataset
        if entry.job is None and self._desk.source is not None and self._desk.result is entry.result:
            return self._desk.source
        raise InputError(f"The data of {entry.name} are not at hand: show the run, or open its data first.")

    def _next(self) -> None:
        """Start the next entry; one that cannot start has failed, and the one after it is tried."""
        if self._runs.running:
            return
        while (waiting := self.queue.take()) is not None:
            try:
                entry = self._runs.begin(self._job(waiting), of=waiting.of)
            except InputError as error:
                self.queue.end("failed", str(error))
                self._desk.complained.emit(f"{waiting.name}: {error}")
                continue
            # Another dock may have taken the name meanwhile.
            self.renamed(waiting.name, entry.name)
            waiting.name = entry.name
            self.queue.changed.emit()
            return

    def _job(self, waiting: Waiting) -> Job:
        if not waiting.of:
            assert waiting.recipe is not None
            assert waiting.dataset is not None
            return Job(waiting.recipe, waiting.dataset, name=waiting.name)
        entry = self._runs.book.find(waiting.of)
        result, dataset = entry.needed(), self._data(entry)
        judged_columns(result)
        recipe = control_recipe(result.recipe)
        return Job(recipe, dataset, still=result, planted=waiting.planted, name=waiting.name)

    def _over(self, entry: Entry | None) -> None:
        if self.queue.current is None:
            return
        state = "done" if entry is None or entry.state == "finished" else entry.state
        self.queue.end(state, "" if entry is None else entry.note)
        if state == "stopped":
            self.queue.hold()
            self._desk.said.emit("Stopped; the queue is held. Start queue goes on with the next one.")
        elif self.queue.working:
            # First all that this end has set going, then the next one.
            QTimer.singleShot(0, self._later)

    def _later(self) -> None:
        self._desk.attempt(self._next)

    def _free(self, name: str) -> str:
        """Return a name that neither a run nor an entry has."""
        taken = {entry.name for entry in self.queue.entries}
        taken |= {entry.name for entry in self._runs.book.entries}
        return unused(name, taken)

    def _remove(self, index: int) -> None:
        entry = self.queue.remove(index)
        if entry is not None:
            back = partial(self.queue.put_back, index, entry)
            self._desk.removed.emit(f"{entry.name} taken out of the queue", back)

    def _show_page(self) -> None:
        self._steps.run.turn("queue")

    def _show(self) -> None:
        states = {WAITS: "waits", RUNS: "runs"}
        entries = [(e.name, states.get(e.state, e.state), e.note) for e in self.queue.entries]
        self._steps.run.line.show_entries(entries, working=self.queue.working)
        waiting = sum(entry.state == WAITS for entry in self.queue.entries)
        self._steps.run.tabs["queue"].setText(f"Queue ({waiting})" if waiting else "Queue")
