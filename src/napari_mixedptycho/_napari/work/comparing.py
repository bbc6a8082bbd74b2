"""The table of runs: showing, renaming, deleting, and two of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_mixedptycho._napari.background import Background
from napari_mixedptycho._napari.control import in_words
from napari_mixedptycho._napari.display import Display
from napari_mixedptycho._napari.images import View, difference_layer
from napari_mixedptycho._napari.pages.runs_table import Row
from napari_mixedptycho._napari.run_names import taken, unused
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.book import Entry
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.lining import Lining
from napari_mixedptycho._napari.work.runs import Runs
from napari_mixedptycho.analysis.pair import Pair, pair
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.words import counted, duration


class Comparing(QObject):
    """What the table of runs can do."""

    def __init__(self, desk: Desk, steps: Steps, display: Display, runs: Runs, lining: Lining) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._display, self._runs, self._lining = desk, steps, display, runs, lining
        self._table = steps.run.table
        self._work = Background("mixedptycho comparison", self, "Comparing two runs")
        self._work.arrived.connect(self._show_pair)
        self._work.failed.connect(lambda error: desk.complained.emit(in_words(error)))
        self._front = ""
        self._actions: dict[str, Callable[[str], None]] = {
            "a": partial(runs.book.choose, "a"),
            "b": partial(runs.book.choose, "b"),
            "tick": runs.book.tick,
            "show": runs.show,
            "load": self.load,
            "rename": self.ask_name,
            "save": self.ask_file,
            "delete": self.delete,
        }
        self._pair: tuple[str, str] | None = None
        self._table.wanted.connect(lambda what, name: desk.attempt(self.do, what, name))
        self._table.blink_button.clicked.connect(lambda: desk.attempt(self.blink))
        self._table.compare_button.clicked.connect(lambda: desk.attempt(self.compare))
        self._table.undo_button.clicked.connect(lambda: desk.attempt(self.undo))
        self._table.beside_button.clicked.connect(lambda: desk.attempt(self.put_beside))
        display.beside.changed = self._show_beside
        runs.book.changed.connect(self.refresh)
        steps.run.turned.connect(lambda _: self.refresh())

    def do(self, what: str, name: str) -> None:
        """Do what was asked for with a run; raises `InputError` or `OSError`."""
        kind, _, detail = what.partition(":")
        if kind == "copy":
            self._lining.duplicate(name, detail)
        else:
            self._actions[kind](name)

    def load(self, name: str) -> None:
        """Show the settings of a run in the steps; raises `InputError`."""
        recipe = self._runs.book.find(name).needed().recipe
        self._desk.replacing.emit(f"the settings of {name}")
        self._steps.set_recipe(recipe)
        self._desk.said.emit(f"Steps 1 to 4 show the settings of {name}.")

    def ask_name(self, name: str) -> None:
        """Ask what a run shall be called."""
        new, agreed = QInputDialog.getText(self._table, "Rename", "New name of the run", text=name)
        if agreed:
            self.rename(name, new)

    def ask_file(self, name: str) -> None:
        """Ask where the result of a run goes."""
        file, _ = QFileDialog.getSaveFileName(self._table, "Save the result", f"{name}.h5", "HDF5 (*.h5)")
        if file:
            self.save(name, file)

    def rename(self, name: str, new: str) -> None:
        """Call a run and its layers something else; raises `InputError`."""
        new, book, display = new.strip(), self._runs.book, self._display
        names = taken(display.viewer)
        if new in names and new not in display.runs:
            raise InputError(f"Another dock, or a layer of this viewer, is called {new!r} already.")
        book.rename(name, new)
        if new in display.runs and new != name:
            # It is the name of a run that was deleted, and may come back.
            other = unused(new, names)
            book.rename_deleted(new, other)
            display.rename_run(new, other)
        display.rename_run(name, new)
        self._lining.renamed(name, new)
        self.refresh()

    def save(self, name: str, path: str) -> None:
        """Write the result of a run to a file; raises `InputError` or `OSError`."""
        entry = self._runs.book.find(name)
        entry.needed().save(path)
        entry.file = Path(path)
        self._desk.said.emit(f"Saved {path}")

    def delete(self, name: str) -> None:
        """Take a run and its layers away; `undo` brings them back; raises `InputError`."""
        entry = self._runs.book.find(name)
        if entry is self._runs.present and self._runs.running:
            raise InputError(f"{name} is going on; stop it first.")
        self._runs.book.delete(name)
        if name in self._display.runs:
            self._display.runs[name].remove()
        self._desk.said.emit(f"Deleted {name}. Undo delete brings it back.")
        self.refresh()

    def undo(self) -> None:
        """Bring back the run that was deleted last."""
        entry = self._runs.book.restore()
        if entry is not None:
            if entry.name in self._display.runs:
                self._display.runs[entry.name].restore()
            self._desk.said.emit(f"{entry.name} is back.")
        self.refresh()

    def blink(self) -> None:
        """Show the other one of A and B, at the same place with the contrast of A; raises `InputError`."""
        a, b = self._both()
        self._front = b if self._front == a else a
        self._make_layers((a, b))
        self._display.front(self._front, limits_of=a)
        self._desk.said.emit(f"{'A' if self._front == a else 'B'}: {self._front}")

    def put_beside(self) -> None:
        """Show the chosen runs beside each other, or go back to what was seen before; raises `InputError`."""
        if self._display.beside.active:
            self._display.beside.leave()
            return
        names = self._runs.book.together
        if not names:
            raise InputError("Tick two runs or more in the table of runs, or choose A and B.")
        self._make_layers(names)
        self._display.put_beside(names)
        self._desk.said.emit(f"Side by side, with one place and contrast for all: {', '.join(names)}.")

    def press(self) -> None:
        """Blink by the key, which may be hit by chance: without two runs it says so and no more."""
        if self._runs.book.a and self._runs.book.b:
            self._desk.attempt(self.blink)
        else:
            self._desk.said.emit("B blinks two runs: choose A and B in step 4, Runs.")

    def compare(self) -> None:
        """Align B with A and show what differs; raises `InputError`."""
        a, b = self._both()
        one, other = (self._runs.book.find(name).needed() for name in (a, b))
        self._pair = (a, b)
        self._desk.said.emit(f"Comparing {a} and {b}")
        settings = self._steps.methods().compared
        self._work.ask(lambda post: post(pair(one, other, settings)))

    def shutdown(self) -> None:
        """Wait for a comparison going on."""
        self._work.shutdown()
        self._display.beside.changed = lambda: None

    def refresh(self) -> None:
        """Write the table anew, where it is in view."""
        book = self._runs.book
        self._steps.run.tabs["runs"].setText(f"Runs ({len(book.entries)})" if book.entries else "Runs")
        self._table.undo_button.setVisible(book.restorable)
        if self._steps.run.view == "runs":
            self._table.show_rows([_row(entry) for entry in book.entries], book.a, book.b)
            self._table.enable_beside(bool(book.together))

    def _show_pair(self, found: Pair) -> None:
        assert self._pair is not None
        a, b = self._pair
        self._table.show_pair(found, a, b)
        result = self._runs.book.find(a).needed()
        self._display.add_over(difference_layer(found, result, f"[{b} − {a}] difference"))
        self._desk.said.emit(f"Compared {a} and {b}: the layer at the top is their difference.")

    def _make_layers(self, names: Sequence[str]) -> None:
        """Make the layers of runs anew where they are gone; raises `InputError`."""
        for entry in (self._runs.book.find(name) for name in names):
            if not self._display.has_run(entry.name):
                result = entry.needed()
                self._display.show_run(entry.name, result, View.of(result))

    def _show_beside(self) -> None:
        self._table.show_beside(self._display.beside.active)

    def _both(self) -> tuple[str, str]:
        book = self._runs.book
        if not book.a or not book.b:
            raise InputError("Choose two runs first: the buttons A and B of the table of runs.")
        return book.a, book.b


def _row(entry: Entry) -> Row:
    result = entry.result
    if result is None:
        dash: tuple[str, ...] = ("–",) * 7
        return Row(
            entry.name, (entry.name, *dash), f"{entry.name}: {entry.state}. {entry.note}", entry.ticked
        )
    estimate, history, recipe = result.estimate, result.history, result.recipe
    loss = f"{history.loss[-1]:.4g}" if len(history) else "–"
    numbers: tuple[Any, ...] = (
        estimate.states,
        estimate.modes,
        estimate.slices,
        len(history),
        loss,
        recipe.run.seed,
        result.data_hash[:6],
    )
    seconds = float(np.sum(history.seconds))
    lines = [
        f"<b>{entry.name}</b>: {entry.state}, "
        f"{len(history)} of {counted(recipe.iterations, 'iteration')} in {duration(seconds)}",
        f"Data: {result.name}",
        f"{'Stationary control' if entry.planted is None else 'Planted motion'} of {entry.of}"
        if entry.of
        else "",
        f"Kept in {entry.file}" if entry.file is not None else "",
        entry.note,
    ]
    note = "<br>".join(line for line in lines if line)
    return Row(entry.name, (entry.name, *(str(number) for number in numbers)), note, entry.ticked)
