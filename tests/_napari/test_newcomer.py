"""A newcomer's five actions, on a file that holds patterns and not one number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.io import sample_path
from tests._napari.driving import click, settle


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    with h5py.File(sample_path("si_sigma9")) as sample:
        np.save(tmp_path / "bare.npy", np.asarray(sample["data"]).reshape(576, 64, 64))
    return tmp_path / "bare.npy"


def test_open_type_calibrate_look_run(
    make_dock: Callable[..., MixedPtychoWidget], bare: Path, qtbot: QtBot
) -> None:
    dock = make_dock()
    steps, questions = dock.steps, dock.steps.data.questions
    steps.data.opened.emit(str(bare))
    settle(dock, qtbot)
    click(qtbot, questions.proposals["24 × 24"])
    settle(dock, qtbot)
    click(qtbot, questions.proposals["60 keV"])
    for name, number in (("semiangle", "30"), ("scan_step", "0.4")):
        qtbot.keyClicks(questions.entries[name].inner.native, number)
    click(qtbot, questions.go_on)
    settle(dock, qtbot)
    steps.show_step("calibrate")
    click(qtbot, steps.calibrate.calibrate_button)
    qtbot.waitUntil(lambda: not dock.calibrating.busy, timeout=120_000)
    assert dock.recipe().microscope.defocus == pytest.approx(50, abs=8)
    steps.show_step("model")
    assert "assumed" in steps.model.covers.text()
    assert dock.recipe().model.thickness == 8.0, "said on the page, and in the recipe"
    steps.show_step("run")
    with qtbot.waitSignal(dock.finished, timeout=120_000):
        click(qtbot, steps.run.quick_button)
    phase = dock.result.mean_phase()
    assert phase.max() > 5 * phase.std(), "atoms stand out"
    dock.set_recipe(dock.recipe().with_set("data.scan_region=[0,6,0,6]").with_iterations(1))
    with qtbot.waitSignal(dock.finished, timeout=120_000):
        click(qtbot, steps.run.run_button)
    assert dock.result.recipe.model.thickness == 8.0
