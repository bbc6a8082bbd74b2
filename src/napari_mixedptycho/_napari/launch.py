"""Open napari with the dock and a result, as `mixedptycho demo` does."""

from __future__ import annotations

import os

import napari

from napari_mixedptycho._napari.widget import MixedPtychoWidget

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
    if block:
        napari.run()
    return viewer
