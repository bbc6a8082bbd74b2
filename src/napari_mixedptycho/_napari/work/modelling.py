"""While step 3 is in view: what its settings come to on the open scan, computed beside the window."""

from __future__ import annotations

from qtpy.QtCore import QObject, QTimer

from napari_mixedptycho._napari.background import Background, Post
from napari_mixedptycho._napari.control import in_words
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho._napari.work.desk import Desk
from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.outlook import outlook
from napari_mixedptycho.recipe import Recipe

_PATIENCE = 150
"""Milliseconds after the last change."""


class Modelling(QObject):
    """Follows the settings of step 3."""

    def __init__(self, desk: Desk, steps: Steps) -> None:
        super().__init__(desk)
        self._desk, self._steps, self._page = desk, steps, steps.model
        self._work = Background("mixedptycho outlook", self)
        self._work.arrived.connect(self._page.outlook.show_outlook)
        self._work.arrived.connect(lambda _: self._page.settle())
        self._work.failed.connect(lambda error: self._page.outlook.show_outlook(None, in_words(error)))
        self._seen: tuple[Recipe, Dataset] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PATIENCE)
        self._timer.timeout.connect(self.look)
        steps.shown.connect(lambda _: self._changed())
        self._page.form.changed.connect(self._changed)
        desk.changed.connect(self._changed)

    @property
    def busy(self) -> bool:
        """Whether something is being computed, or will be."""
        return self._work.busy or self._timer.isActive()

    def look(self) -> None:
        """Compute what the settings come to, unless they are those seen last."""
        dataset = self._desk.dataset
        if dataset is None:
            self._seen = None
            self._work.cancel()
            self._page.outlook.show_outlook(None)
            return
        try:
            recipe = self._steps.recipe()
        except InputError:  # of a half-typed entry, which is framed in red
            return
        if self._seen is not None and self._seen[0] == recipe and self._seen[1] is dataset:
            return
        self._seen = recipe, dataset

        def work(post: Post) -> None:
            if "survey" not in vars(dataset):  # reading all patterns may take a while
                post(outlook(recipe, dataset, patterns=False))
            post(outlook(recipe, dataset))

        self._work.ask(work)

    def shutdown(self) -> None:
        """Wait for what is being computed."""
        self._timer.stop()
        self._work.shutdown()

    def _changed(self) -> None:
        if self._steps.step == "model":
            if self._desk.dataset is not None and self._seen is None:
                self._page.outlook.expect()
            self._timer.start()
