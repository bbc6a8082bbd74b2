"""A dock in a viewer, and the smallest reconstruction that has everything: two stages, states, slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from napari import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSettings

from napari_mixedptycho._napari import ask, control, unsaved
from napari_mixedptycho._napari.launch import add_dock
from napari_mixedptycho._napari.preferences import preference
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result

SMALL = {
    "data": {"file": "sample:si_sigma9", "scan_region": [0, 6, 0, 6]},
    "model": {"states": 2, "slices": 2},
    "stages": [{"name": "pure", "iterations": 2, "states": 1}, {"name": "mixed", "iterations": 3}],
    "run": {"threads": 1},
}
WIDE = {
    "data": {"file": "sample:si_sigma9", "scan_region": [2, 22, 2, 22]},
    "model": {"states": 3, "slices": 1},
    "stages": [{"name": "pure", "iterations": 6, "states": 1}, {"name": "moving", "iterations": 2}],
    "run": {"threads": 1},
}

MakeDock = Callable[..., MixedPtychoWidget]


@pytest.fixture(autouse=True)
def _settings_of_nobody(tmp_path: Path) -> Iterator[None]:
    """Keep settings and results of the person at the keyboard out, and those of the test in."""
    # Not the test's own `monkeypatch`, which it may undo while the dock is still there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unsaved, "folder", lambda: tmp_path / "unsaved")
        patch.setattr(ask, "folder", lambda: tmp_path / "unsaved")
        # A thread can be looked into, and it has what a test puts in its way; `test_apart.py` does without.
        patch.setattr(control, "preference", lambda name: name != "own_process" and preference(name))
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
        yield


@pytest.fixture
def small() -> Recipe:
    return Recipe.parse(SMALL)


@pytest.fixture(scope="session")
def small_result() -> Result:
    *_, last = reconstruct(Recipe.parse(SMALL))
    return last.result


@pytest.fixture
def result_file(small_result: Result, tmp_path: Path) -> Path:
    path = tmp_path / "small.h5"
    small_result.save(path)
    return path


@pytest.fixture(scope="session")
def wide_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a result with several columns and states."""
    *_, last = reconstruct(Recipe.parse(WIDE))
    path = tmp_path_factory.mktemp("columns") / "wide.h5"
    last.result.save(path)
    return path


@pytest.fixture
def make_dock(make_napari_viewer: Callable[..., Viewer]) -> MakeDock:
    """Make a dock in a viewer of its own, or in one that is given."""

    def make(viewer: Viewer | None = None, **options: Any) -> MixedPtychoWidget:
        return add_dock(viewer or make_napari_viewer(**options))

    return make


@pytest.fixture
def ran(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> tuple[MixedPtychoWidget, Any]:
    """Return a dock after a small run, and its viewer."""
    dock = make_dock()
    dock.set_recipe(small)
    with qtbot.waitSignal(dock.finished, timeout=20_000):
        dock.run()
    return dock, dock.display.viewer
