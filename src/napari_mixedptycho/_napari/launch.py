"""Open napari with the dock and a result, as `mixedptycho demo` does."""

from __future__ import annotations

import os

import napari
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QApplication

from napari_mixedptycho._napari.widget import MixedPtychoWidget

_SIZE = QSize(1500, 940)
"""Of the window at least, pixels; smaller only on a smaller screen."""

DOCK = "Mixed-object ptychography"
"""Name of the dock in napari's menus."""


def add_dock(viewer: napari.Viewer) -> MixedPtychoWidget:
    """Add the dock to a viewer, at its right."""
    dock = MixedPtychoWidget(viewer)
    viewer.window.add_dock_widget(dock, name=DOCK, area="right")
    return dock


def show(result_path: str | os.PathLike[str], *, block: bool = True) -> napari.Viewer:
    """Open a viewer with the dock, the layers of a result and its columns.

    Parameters
    ----------
    result_path
        A result file.
    block
        Return only when the window is closed.

    Raises
    ------
    InputError
        When the file is not a result.
    """
    viewer = napari.Viewer(title=DOCK)
    dock = add_dock(viewer)
    dock.open(result_path)
    dock.attempt(dock.find_columns)
    dock.steps.show_step("analyse")
    window, screen = dock.window(), dock.screen()
    if window is not None and screen is not None:
        window.resize(window.size().expandedTo(_SIZE).boundedTo(screen.availableSize()))
    # The canvas learns its size from the window, and only then can anything be fitted into it.
    QApplication.processEvents()
    dock.display.look()
    if block:
        napari.run()
    return viewer
