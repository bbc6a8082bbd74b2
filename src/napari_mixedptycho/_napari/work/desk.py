"""What lies on the desk: the open scan, the newest result, its columns; and how to speak to the person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_mixedptycho.dataset import Dataset
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.export import Findings
from napari_mixedptycho.result import Result


class Desk(QObject):
    """Shared by all that the buttons do.

    Attributes
    ----------
    dataset
        The open scan.
    result
        The newest result: of the run going on, of the last one, or of the file that was opened.
    source
        The scan that the result was made from, where it is known.
    found
        The columns of the result, once they were looked for.

    Signals
    -------
    changed
        Something was put on the desk or taken away: buttons may have to be enabled.
    opened
        A result was opened and lies on the desk: the name of its layers, and its file.
    replacing
        Settings on screen are about to be replaced: by what, in words.
    removed
        Something was taken away: what, and how it is brought back.
    said, complained
        A sentence for the person; a complaint is about something that went wrong.
    """

    changed = Signal()
    opened = Signal(str, str)
    replacing = Signal(str)
    removed = Signal(str, object)
    said = Signal(str)
    complained = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.result: Result | None = None
        self.source: Dataset | None = None
        self.found: Findings | None = None

    @property
    def needed_dataset(self) -> Dataset:
        """The open scan; raises `InputError` when there is none."""
        if self.dataset is None:
            raise InputError("Open a scan first.")
        return self.dataset

    @property
    def needed_result(self) -> Result:
        """The newest result; raises `InputError` when there is none."""
        if self.result is None:
            raise InputError("There is no result yet: run a reconstruction or open a result.")
        return self.result

    def attempt(self, action: Callable[..., Any], *arguments: Any) -> None:
        """Do what a button asks for; what goes wrong is said on the screen."""
        try:
            action(*arguments)
        except (InputError, OSError) as error:
            self.complained.emit(str(error))
