"""Measuring what the patterns tell of the instrument, and taking it over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_mixedptycho._napari.background import Background, Post
from napari_mixedptycho._napari.control import in_words
from napari_mixedptycho._napari.found import NUMBERS, SETTINGS, Findings, meaning, stated
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho._napari.work.imaging import Imaging
from napari_mixedptycho.calibrated import UNSURE, doubts
from napari_mixedptycho.calibration import Calibration, calibrate
from napari_mixedptycho.checks.verdicts import verdicts
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.preprocess import measured_only
from napari_mixedptycho.recipe import Data, Microscope, Recipe
from napari_mixedptycho.thumbnails import (
    Thumbnail,
    orientation_thumbnails,
    ranked,
    settled,
    with_choice,
)

_READING, _FITTING = 0.4, 0.5
"""Parts of the work that this and the fit to the bright field are, about."""
_FROM_SCREEN = {
    "energy": "energy",
    "semiangle": "semi-angle",
    "scan_step": "scan step",
    "electrons_per_unit": "electrons per unit",
}
"""Numbers that a measurement takes from the screen, and what to call them."""
_LEAVE_OUT = ("mask", "masked_pixels", "gain")
"""Settings of step 1 by which it leaves out detector pixels."""


@dataclass(frozen=True)
class Told:
    """How far a measurement is."""

    what: str
    done: float


@dataclass(frozen=True)
class Looks:
    """Quick reconstructions so far."""

    entries: tuple[Thumbnail, ...]


class Calibrating(QObject):
    """Measures in a thread of its own; what was found is taken over at once, and can be taken back.

    Signals
    -------
    finished
        A measurement has ended; carries the `Findings`.
    """

    finished = Signal(object)

    def __init__(self, desk: Desk, steps: Steps, imaging: Imaging) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._imaging = desk, steps, imaging
        self._page = page = steps.calibrate
        self.findings: Findings | None = None
        self._of: Dataset | None = None
        self._before: list[tuple[Data, Microscope, Findings | None]] = []
        self._looks: tuple[Thumbnail, ...] = ()
        self._background = Background("mixedptycho calibration", self, "Measuring on the patterns")
        self._pictures = Background("mixedptycho pictures", self)
        self._background.arrived.connect(self._arrived)
        self._background.failed.connect(self._failed)
        self._background.ended.connect(self._update)
        self._pictures.arrived.connect(page.picture.show_picture)
        self._pictures.failed.connect(self._failed)
        page.calibrate_button.clicked.connect(lambda: desk.attempt(self.calibrate))
        page.cancel_button.clicked.connect(self.cancel)
        page.use_button.clicked.connect(lambda: desk.attempt(self.use))
        page.undo_button.clicked.connect(lambda: desk.attempt(self.undo))
        page.eight_button.clicked.connect(lambda: desk.attempt(self.try_all))
        page.rows.wanted.connect(self.show_picture)
        page.thumbnails.chosen.connect(lambda look: desk.attempt(self.take, look))
        page.form.changed.connect(self._compare)
        steps.data.form.changed.connect(self._compare)
        desk.changed.connect(self._changed)
        self._changed()

    @property
    def busy(self) -> bool:
        """Whether something is being measured."""
        return self._background.busy

    def calibrate(self) -> None:
        """Measure with the numbers on screen; raises `InputError`."""
        dataset, recipe = self._desk.needed_dataset, self._steps.recipe()
        numbers = recipe.microscope.model_dump(exclude_none=True, include=set(_FROM_SCREEN))
        bare = measured_only(dataset.replace(**numbers), recipe.data)
        self._background.ask(lambda post: _measure(post, bare, stated(dataset), recipe))
        self._page.show_progress("Reading patterns", 0.0)
        self._desk.said.emit("Measuring on the patterns")
        self._update()

    def cancel(self) -> None:
        """Stop measuring."""
        self._background.cancel()
        self._desk.said.emit("Nothing was measured")
        self._update()

    def use(self) -> None:
        """Take over what was measured; raises `InputError`."""
        if self.findings is None:
            raise InputError("Calibrate first.")
        recipe = self._steps.recipe()
        self._before.append((recipe.data, recipe.microscope, self.findings))
        self._apply(self.findings.applied(recipe), self.findings)
        self._desk.said.emit("The measured numbers are used; Undo takes them back")

    def undo(self) -> None:
        """Go back to the settings before they were taken over; others stay; raises `InputError`."""
        if self._before:
            now = self._steps.recipe()
            data, microscope, findings = self._before.pop()
            earlier = {name: getattr(data, name) for name in SETTINGS}
            numbers = {name: getattr(microscope, name) for name in NUMBERS}
            data = now.data.model_copy(update=earlier)
            microscope = now.microscope.model_copy(update=numbers)
            self._apply(Recipe(data=data, microscope=microscope), findings)
            self._desk.said.emit("The settings are as before")

    def try_all(self) -> None:
        """Reconstruct quickly in all eight orientations; raises `InputError`."""
        if self.findings is None:
            raise InputError("Calibrate first.")
        measured, found = self.findings.measured, self.findings.found

        settings = self._steps.methods().orientations

        def job(post: Post) -> None:
            entries: list[Thumbnail] = []

            def told() -> None:
                post(Looks(tuple(entries)))

            for look in orientation_thumbnails(measured, found, settings, told):
                entries.append(look)
                told()

        self._looks = ()
        self._page.thumbnails.show_looks((), None)
        self._page.show_progress("Eight orientations", 0.0)
        self._background.ask(job)
        self._update()

    def take(self, look: Thumbnail) -> None:
        """Take the orientation of a quick reconstruction; raises `InputError`."""
        if self.findings is None:
            raise InputError("Calibrate first.")
        old, recipe = self.findings, self._steps.recipe()
        found = with_choice(old.found, look)
        self._before.append((recipe.data, recipe.microscope, old))
        self.findings = replace(old, found=found, measured=meaning(found, old.bare, old.stated))
        self._apply(self.findings.applied(recipe), self.findings)
        self._show_looks()
        self._desk.said.emit(f"The detector is taken {look.label}; Undo takes that back")

    def show_picture(self, name: str) -> None:
        """Draw how a number was measured."""
        findings = self.findings
        if findings is not None:
            self._pictures.ask(lambda post: post(findings.picture(name)))

    def shutdown(self) -> None:
        """End what goes on."""
        self._background.shutdown()
        self._pictures.shutdown()

    def _apply(self, recipe: Recipe, findings: Findings | None) -> None:
        self.findings = findings
        self._steps.data.form.set_value(recipe.data)
        self._page.set_value(recipe.microscope)
        self._page.show_measured(findings.numbers if findings is not None else {})
        if findings is not None:
            self._page.rows.show_rows(findings.rows())
        self._imaging.refresh()
        self._compare()
        self._update()

    def _compare(self) -> None:
        """Say when what the measurement was made with has changed since."""
        if self.findings is None:
            self._page.show_change("")
            return
        with suppress(InputError):  # half typed
            now, basis = _basis(self._steps.recipe()), self.findings.basis
            names = list(
                dict.fromkeys(_FROM_SCREEN.get(n, "mask") for n in now if now[n] != basis.get(n, now[n]))
            )
            again = f"Measured with another {' and '.join(names)}: press Calibrate again."
            self._page.show_change(again if names else "")

    def _arrived(self, news: Any) -> None:
        if isinstance(news, Told):
            self._page.show_progress(news.what, news.done)
        elif isinstance(news, Looks):
            self._looks = news.entries
            self._page.show_progress("Eight orientations", len(news.entries) / 8)
            self._show_looks()
        elif isinstance(news, Findings):
            self._looks = ()
            self._page.show_findings(news)
            recipe = self._steps.recipe()
            self._before.append((recipe.data, recipe.microscope, news))
            self._apply(news.applied(recipe), news)
            doubt = "see the remarks" if news.remarks else "nothing stands in the way"
            self._desk.said.emit(f"Calibrated: {doubt}. The measured numbers are used; Undo takes them back")
            self.finished.emit(news)

    def _show_looks(self) -> None:
        choice = ranked(self._looks) if len(self._looks) == 8 else None
        taken = None if self.findings is None else self.findings.found.orientation
        self._page.thumbnails.show_looks(self._looks, choice, taken)
        self._page.choice.setText("" if choice is None else choice.sentence)

    def _failed(self, error: Exception) -> None:
        self._desk.complained.emit(in_words(error))

    def _changed(self) -> None:
        """Forget what was measured on another scan."""
        dataset = self._desk.dataset
        if dataset is not self._of:
            self._of = dataset
            self._background.cancel()
            self._pictures.cancel()
            self.findings, self._looks = None, ()
            self._before.clear()
            self._page.show_findings(None)
            self._page.show_measured({})
            self._page.show_change("")
        self._update()

    def _update(self) -> None:
        reason = "" if self._desk.dataset is not None else "Open a scan first (step 1)"
        state = {"busy": self.busy, "undo": bool(self._before), "found": self.findings is not None}
        self._page.show_state(reason, **state)


def _basis(recipe: Recipe) -> dict[str, Any]:
    """Return what a measurement takes from the settings."""
    numbers = {name: getattr(recipe.microscope, name) for name in _FROM_SCREEN}
    return numbers | {name: getattr(recipe.data, name) for name in _LEAVE_OUT}


def _measure(post: Post, bare: Dataset, told: dict[str, float], recipe: Recipe) -> None:
    """Measure, decide, and judge; in the thread."""

    def reading(part: float) -> None:
        post(Told("Reading patterns", _READING * part))

    def fitting(part: float) -> None:
        post(Told("Fitting defocus and rotation", _READING + _FITTING * part))

    found = calibrate(bare, fitting, reading)
    post(Told("Judging", _READING + _FITTING))
    found, notes = _sure(found, bare, told, lambda: post(Told("Deciding about 180°", 0.95)))
    measured = meaning(found, bare, told)
    remarks = (*doubts(found, measured, told), *notes, *verdicts(measured, recipe.model.states))
    post(Findings(found, bare, measured, told, remarks, _basis(recipe)))


def _sure(
    found: Calibration, bare: Dataset, told: dict[str, float], tell: Callable[[], None]
) -> tuple[Calibration, list[str]]:
    """Let a quick reconstruction decide about 180° where the bright field does not."""
    if found.sign is None or abs(found.sign.certainty) >= UNSURE:
        return found, []
    try:
        found, _ = settled(meaning(found, bare, told), found, told=tell)
    except InputError:  # no reconstruction is possible, as the verdicts will say
        return found, []
    return found, ["A quick reconstruction decided about 180°; look at the eight orientations below."]
