"""Files whose patterns come slowly do not hold the window up: what is late is read beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari import hurried
from napari_mixedptycho._napari.hurried import Hurried
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from tests._napari.driving import settle


class Slow:
    """Patterns of which each reading takes a second of a clock that it moves itself."""

    shape, dtype = (4, 6, 8, 8), np.dtype(np.float32)

    def __init__(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.seconds, self.asked = 0.0, seconds, []
        monkeypatch.setattr(hurried.time, "monotonic", lambda: self.now)

    def __getitem__(self, where: tuple[Any, ...]) -> np.ndarray:
        self.asked.append(where)
        self.now += self.seconds
        return np.ones(self.shape, self.dtype)[where]


def test_what_is_late_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(0.06, monkeypatch)
    found = Hurried(slow)
    seen = found[1, slice(0, 6, 2)]
    assert found.late is False
    assert seen.min() == 1
    assert slow.asked == [(1, 0), (1, 2), (1, 4)], "one by one, to be able to stop"
    assert found[2, slice(0, 6)].max() == 0
    assert found.late
    assert len(slow.asked) == 3


def test_what_is_quick_is_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Slow(0.0, monkeypatch)
    found = Hurried(quick)
    assert found[1, slice(0, 6)].min() == 1
    assert quick.asked == [(1, 0), (1, slice(0, 6))]
    assert not found.late


def test_the_image_is_completed_beside_the_window(
    make_dock: Callable[..., MixedPtychoWidget], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hurried, "PATIENCE", -1.0)
    dock = make_dock()
    dock.open("sample:si_sigma9")
    layer = dock.display.viewer.layers["si_sigma9 bright field"]
    assert not layer.data.any(), "nothing was read yet"
    settle(dock, qtbot)
    disk = dock.imaging.rings["bright field"].mask((64, 64))
    expected = dock.dataset.values[..., disk].sum(axis=-1)
    np.testing.assert_allclose(layer.data, expected, rtol=1e-4)
    assert "<br>0 electrons" not in dock.steps.data.summary.text()
    assert dock.steps.data.pattern.image.image.max() > 0
