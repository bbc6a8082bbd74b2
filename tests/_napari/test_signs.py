"""What the engine reports of a run stands on the screen: signs, doubts, patterns held out, chosen loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_mixedptycho._napari.charts import LossChart
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.live import RunLayers
from napari_mixedptycho._napari.pages.signs import Signs
from napari_mixedptycho._napari.remarks import chosen_loss
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.engine.health import Alarm
from napari_mixedptycho.io import load
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct
from napari_mixedptycho.result import Result
from napari_mixedptycho.running import doubts

MakeDock = Callable[..., MixedPtychoWidget]

COLLAPSE = Alarm("one_state", "One state carries 5 times the phase & more.", "Use fewer states.")


@pytest.fixture
def signs(qtbot: QtBot) -> Signs:
    made = Signs()
    for label in (made.symptoms, made.doubts):
        qtbot.addWidget(label)
    return made


def test_signs_are_there_only_when_something_is_odd(signs: Signs) -> None:
    assert signs.symptoms.isHidden()
    signs.show_alarms((COLLAPSE,))
    assert not signs.symptoms.isHidden()
    assert signs.symptoms.property("warn")
    assert "5 times the phase &amp; more" in signs.symptoms.text()
    assert "Use fewer states." in signs.symptoms.text()
    signs.show_alarms(())
    assert signs.symptoms.isHidden()
    assert signs.count == 0


def test_many_signs_take_little_room_and_are_all_told(signs: Signs) -> None:
    signs.show_alarms([Alarm(str(n), f"Symptom {n}.", f"Remedy {n}.") for n in range(5)])
    assert "Symptom 1" in signs.symptoms.text()
    assert "Symptom 2" not in signs.symptoms.text()
    assert "And 3 more" in signs.symptoms.text()
    assert all(f"Remedy {n}." in signs.symptoms.toolTip() for n in range(5))


def test_a_run_shows_its_signs_and_the_next_one_forgets_them(
    make_dock: MakeDock, small: Recipe, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = make_dock()
    monkeypatch.setattr(
        "napari_mixedptycho.reconstruct.alarmed", lambda health, _: replace(health, alarms=(COLLAPSE,))
    )
    _run(dock, small, qtbot)
    page = dock.steps.run
    assert "Use fewer states" in page.signs.symptoms.text()
    assert "below the loss" in dock.steps.footer.status.text()
    page.start()
    assert page.signs.symptoms.isHidden()


def test_doubts_of_the_data_reach_the_screen(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    _run(dock, small.with_set('stages.mixed.refine=["object", "probe", "tilt"]'), qtbot)
    assert "tilt" in dock.steps.run.signs.doubts.text()
    assert not dock.steps.run.signs.doubts.isHidden()
    assert "tilt" in dock.steps.run.found.text(), "what was found of the instrument stands there too"


def test_patterns_held_out_are_drawn_and_told(make_dock: MakeDock, small: Recipe, qtbot: QtBot) -> None:
    dock = make_dock()
    recipe = small.with_set("data.hold_out=6")
    heard: list[str] = []
    dock.progressed.connect(lambda progress: heard.append(dock.steps.footer.status.text()))
    _run(dock, recipe, qtbot)
    chart = dock.steps.run.loss
    assert dock.result is not None
    drawn = np.concatenate([curve.yData for curve in chart._others])
    np.testing.assert_allclose(drawn, dock.result.history.held_out)
    assert "held out" in heard[0]
    chart.start()
    assert not chart._others


def test_without_patterns_held_out_nothing_is_drawn_of_them(small_result: Result, qtbot: QtBot) -> None:
    chart = LossChart()
    qtbot.addWidget(chart)
    chart.show_history(small_result.history, small_result.recipe)
    assert not chart._others


def test_the_loss_that_the_data_ask_for_is_explained(make_dock: MakeDock, small: Recipe) -> None:
    dock = make_dock()
    dock.set_recipe(small)
    dock.steps.show_step("run")
    assert "Loss: Poisson, since the dose is known" in dock.steps.run.cost.text()
    stages = small.with_set("stages.0.loss.kind=amplitude").with_set("stages.1.loss.kind=amplitude").stages
    dock.steps.run.stages.set_value(stages)
    dock.steps.show_step("run")
    assert "Loss" not in dock.steps.run.cost.text(), "nothing was chosen by the data"


def test_an_unknown_dose_leaves_the_prior_out_and_says_so() -> None:
    dataset = load("sample:si_sigma9")
    unknown = dataset.replace(electrons_per_unit=None)
    assert doubts(Recipe(), dataset, ("a",)) == ("a",)
    assert "prior" in doubts(Recipe(), unknown, ("a",))[0]
    assert "not known" in chosen_loss(Recipe(), unknown)
    plain = Recipe.parse({"stages": [{"name": "no prior"}]})
    assert doubts(plain, unknown, ()) == ()


def test_layers_follow_a_detector_that_grows(make_dock: MakeDock, small: Recipe) -> None:
    recipe = small.with_set("stages.pure.detector=0.5")
    first, *_, last = (progress.result for progress in reconstruct(recipe))
    assert first.sampling > 1.5 * last.sampling
    viewer = make_dock().display.viewer
    layers = RunLayers(viewer, "run 1")
    extents = []
    for result in (first, last):
        layers.show(result, View.of(result))
        layer = layers.layer("mean phase")
        assert layer is not None
        np.testing.assert_allclose(layer.scale, result.sampling)
        np.testing.assert_allclose(layer.translate, result.origin)
        extents.append(layers.layer("phase").extent.world[:, -2:])
    np.testing.assert_allclose(extents[0], extents[1], atol=2 * first.sampling)
    layers.release()


def _run(dock: MixedPtychoWidget, recipe: Recipe, qtbot: QtBot) -> None:
    dock.set_recipe(recipe)
    with qtbot.waitSignal(dock.finished, timeout=30_000):
        dock.run()
