"""What runs are called: each name once in a viewer, whichever dock has given it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from typing import Any

from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

DOCK = "MixedPtychoWidget"
"""Qt's name of every dock, by which they find each other: classes are others after a module was reloaded."""


def taken(viewer: ViewerModel) -> set[str]:
    """Return the names of all runs in a viewer: of its layers, and of those that have no layer yet."""
    layers = (re.match(r"\[([^\]]+)\]", layer.name) for layer in viewer.layers)
    names = {found[1] for found in layers if found}
    for display in _displays(viewer):
        names |= set(display.runs)
    return names


def unused(name: str, names: Collection[str]) -> str:
    """Return a name, with a number behind it where it is among `names`."""
    found, number = name, 1
    while found in names:
        number += 1
        found = f"{name} {number}"
    return found


def numbered(names: Collection[str]) -> str:
    """Return ``run N``, N above all that are among `names`."""
    numbers = [int(found[1]) for name in names if (found := re.fullmatch(r"run (\d+)", name))]
    return f"run {max(numbers, default=0) + 1}"


def _displays(viewer: ViewerModel) -> list[Any]:
    """Return what the docks of a viewer show; napari gives each dock a wrapper of its own of the viewer."""
    docks = [widget for widget in QApplication.allWidgets() if widget.objectName() == DOCK]
    displays = [getattr(dock, "display", None) for dock in docks]
    same = inspect.unwrap(viewer)
    return [found for found in displays if found is not None and inspect.unwrap(found.viewer) is same]
