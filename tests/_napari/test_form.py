"""The form gives back every settings class as it was given, and refuses what the class refuses."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
from pydantic import Field, ValidationError
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

import napari_mixedptycho
from napari_mixedptycho._napari.form import SettingsForm
from napari_mixedptycho._napari.form.checklist import CheckList
from napari_mixedptycho._napari.form.form import KindEditor
from napari_mixedptycho._napari.form.lists import ListEditor
from napari_mixedptycho._napari.form.names import FRONT, tooltip, unit, unset
from napari_mixedptycho._napari.pages.stages import StagesEditor
from napari_mixedptycho._napari.steps import Steps
from napari_mixedptycho.analysis import MotionSettings
from napari_mixedptycho.engine.constraints import MeanPhase, ProbeAperture, ProbeWindow
from napari_mixedptycho.engine.losses import GaussianPoissonLoss
from napari_mixedptycho.engine.penalties import Tikhonov, TotalVariation
from napari_mixedptycho.engine.solvers import Adam, GradientDescent
from napari_mixedptycho.engine.stage import Stage
from napari_mixedptycho.engine.unknowns import (
    Aberrations,
    Blur,
    Object,
    Positions,
    Probe,
)
from napari_mixedptycho.errors import InputError
from napari_mixedptycho.recipe import Data, Microscope, Model, Recipe
from napari_mixedptycho.run_settings import Run
from napari_mixedptycho.settings import Settings
from napari_mixedptycho.simulate.settings import Specimen
from napari_mixedptycho.words import amount


def _classes() -> list[type[Settings]]:
    found = set()
    for module in pkgutil.walk_packages(napari_mixedptycho.__path__, "napari_mixedptycho."):
        if module.name.split(".")[1] not in {"_napari", "__main__"}:
            for _, item in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if issubclass(item, Settings) and _is_concrete(item):
                    found.add(item)
    return sorted(found, key=lambda item: item.__name__)


def _is_concrete(kind: type[Settings]) -> bool:
    """Tell whether a class can be made without being told anything: bases of several kinds cannot."""
    required = any(field.is_required() for field in kind.model_fields.values())
    return kind is not Settings and not required and not kind.__name__.startswith("_")


CLASSES = _classes()
_TERMS = ("C30", "C10")
OTHERS = [
    Data(file="x.h5", dataset="a/b", scan_region=(1, 5, 2, 9), max_angle=77.5),
    Microscope(energy=200_000.0, semiangle=21.4, scan_step=1e-4, detector_sampling=1 / 3, defocus=-150.0),
    Model(states=10, probe_modes=3, slices=7, thickness=12.34567890123, object_type="potential"),
    Run(seed=2**62 + 1, threads=3, checkpoint=None, device="gpu"),
    Stage(solver=Adam(rate=1e-4), refine=(Probe(), Object(start=3)), patterns_per_update=200_000),
    Stage(
        refine=(
            Object(),
            Blur(width=0.25),
            Positions(start=5, smooth=2.5),
            Aberrations(terms=("C30", "C10")),
        ),
        penalties=(Tikhonov(weight=1e-7, of="phase"), TotalVariation()),
        constraints=(ProbeWindow(radius=3.25), MeanPhase(), ProbeAperture()),
        loss=GaussianPoissonLoss(readout=1 / 3),
    ),
    Specimen(missing=((1.25, -3.0), (1 / 3, 40.0))),
    Recipe(stages=(Stage(name="a", solver=GradientDescent()), Stage(name="b"), Stage(name="c", states=3))),
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_defaults_come_back(kind: type[Settings], qtbot: QtBot) -> None:
    form = SettingsForm(kind)
    qtbot.addWidget(form)
    assert form.value() == kind()
    form.set_value(kind())
    assert form.value() == kind()


@pytest.mark.parametrize("value", OTHERS, ids=lambda value: type(value).__name__)
def test_other_values_come_back_unrounded(value: Settings, qtbot: QtBot) -> None:
    form = SettingsForm(type(value))
    qtbot.addWidget(form)
    heard = []
    form.changed.connect(lambda: heard.append(1))
    form.set_value(value)
    assert form.value() == value
    assert not heard, "setting a value is silent"


def test_every_class_was_found() -> None:
    assert {Recipe, Stage, Adam, MotionSettings} <= set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_field_has_an_editor_and_a_tooltip(kind: type[Settings], qtbot: QtBot) -> None:
    form = SettingsForm(kind)
    qtbot.addWidget(form)
    assert set(form.editors) == set(kind.model_fields) - {"kind"}
    for name, field in kind.model_fields.items():
        editor = form.editors.get(name)
        if field.description and not isinstance(
            editor, SettingsForm | ListEditor | KindEditor | CheckList | None
        ):
            assert editor.toolTip() == tooltip(field)


def test_common_settings_exist() -> None:
    for kind, names in FRONT.items():
        assert set(names) <= set(kind.model_fields), kind.__name__


def test_the_steps_show_the_whole_recipe(qtbot: QtBot) -> None:
    steps = Steps()
    qtbot.addWidget(steps)
    value = OTHERS[-1].model_copy(update={"data": OTHERS[0], "microscope": OTHERS[1], "run": OTHERS[3]})
    steps.set_recipe(value)
    assert steps.recipe() == value


def test_units_are_read_from_descriptions() -> None:
    units = {name: unit(field.description) for name, field in Microscope.model_fields.items()}
    assert units == {
        "energy": "eV",
        "semiangle": "mrad",
        "scan_step": "Å",
        "detector_sampling": "1/Å",
        "defocus": "Å",
        "electrons_per_unit": "",
        "scan_rotation": "degrees",
        "astigmatism_a": "Å",
        "astigmatism_b": "Å",
    }
    assert unit(Adam.model_fields["rate"].description) == ""
    assert unit(Run.model_fields["checkpoint"].description) == "s"


def test_what_an_empty_entry_stands_for_is_read_from_descriptions(qtbot: QtBot) -> None:
    assert unset("CPU threads; not set: all cores.") == "all cores"
    assert unset("Detector blur. Not set: none, unless refined.") == "none, unless refined"
    assert unset("Ratio; not set: 1.5 when the data reach its edge, else 1.") == "automatic", "too long"
    form = SettingsForm(Run)
    qtbot.addWidget(form)
    assert form.editors["threads"].inner.native.placeholderText() == "all cores"
    assert form.editors["seed"].inner.native.placeholderText() == "", "may not be empty"


def test_what_only_the_class_knows_is_refused_in_words(qtbot: QtBot) -> None:
    form = SettingsForm(Stage)
    qtbot.addWidget(form)
    form.editors["refine"].set_value((Probe(start=3),))
    with pytest.raises(ValidationError):
        Stage(refine=(Probe(start=3),))
    with pytest.raises(InputError, match="nothing is refined"):
        form.value()


def test_another_kind_brings_its_own_settings(qtbot: QtBot) -> None:
    form = SettingsForm(Stage)
    qtbot.addWidget(form)
    solver = form.editors["solver"]
    assert isinstance(solver, KindEditor)
    solver._choice.inner.value = "adam"
    assert form.value().solver == Adam()
    solver._choice.inner.value = "lbfgs"
    assert form.value() == Stage()


def test_settings_of_a_choice_stand_under_it_with_editors_in_line(qtbot: QtBot) -> None:
    form = SettingsForm(Stage)
    qtbot.addWidget(form)
    form.fold.open(True)
    solver = form.editors["solver"]
    solver.more.setChecked(True)
    form.show()
    below = solver._forms["lbfgs"].editors["memory"]
    left = {editor.mapTo(form, QPoint(0, 0)).x() for editor in (form.editors["iterations"], below)}
    assert len(left) == 1


def test_large_numbers_are_grouped() -> None:
    shown = [amount(number) for number in (0.5, 159_876.0, 999_400.0, 2.34e11)]
    assert shown == ["0.5", "160\u202f000", "999\u202f000", "2.34e+11"]


class Inner(Settings):
    width: float = Field(0.5, gt=0, description="Width, Å.")


class Outer(Settings):
    inner: Inner | None = Field(None, description="Not set: none.")


def test_settings_that_may_be_absent_can_be_switched_on(qtbot: QtBot) -> None:
    form = SettingsForm(Outer)
    qtbot.addWidget(form)
    assert form.value() == Outer()
    form.editors["inner"]._choice.inner.value = "Inner"
    assert form.value() == Outer(inner=Inner())
    form.set_value(Outer(inner=Inner(width=2.5)))
    assert form.value() == Outer(inner=Inner(width=2.5))
    form.editors["inner"]._choice.inner.value = "none"
    assert form.value() == Outer()


def test_stages_are_added_moved_and_removed(qtbot: QtBot) -> None:
    editor = ListEditor(Stage)
    qtbot.addWidget(editor)
    editor.set_value((Stage(name="a"), Stage(name="b", iterations=7)))
    editor.rows.setCurrentRow(1)
    editor.buttons["Add"].click()
    editor.form.editors["iterations"].inner.value = 9
    assert [stage.iterations for stage in editor.value()] == [100, 7, 9]
    editor.buttons["Up"].click()
    assert [stage.iterations for stage in editor.value()] == [100, 9, 7]
    editor.rows.setCurrentRow(0)
    editor.buttons["Remove"].click()
    editor.buttons["Remove"].click()
    assert [stage.iterations for stage in editor.value()] == [7]
    assert not editor.buttons["Remove"].isEnabled(), "the last one stays"
    editor.buttons["Remove"].click()
    assert len(editor.value()) == 1


def test_the_last_stage_is_edited_in_two_places(qtbot: QtBot) -> None:
    editor = StagesEditor()
    qtbot.addWidget(editor)
    stages = Recipe().stages
    heard = []
    editor.changed.connect(lambda: heard.append(1))
    editor.set_value(stages)
    assert editor.value() == stages
    assert not heard
    assert stages[-1].name in editor.heading.text()
    assert set(editor.last.editors) == {"iterations", "solver", "patterns_per_update"}
    editor.last.editors["iterations"].inner.value = 7
    editor.last.editors["solver"]._choice.inner.value = "adam"
    assert heard
    expected = stages[-1].model_copy(update={"iterations": 7, "solver": Adam()})
    assert editor.value() == (*stages[:-1], expected)
    assert "moving 7" in editor.fold.button.text()
    editor.all.rows.setCurrentRow(len(stages) - 1)
    assert editor.all.form.value() == expected
    editor.all.form.editors["iterations"].inner.value = 9
    assert editor.last.editors["iterations"].value() == 9
    line = editor.last.editors["patterns_per_update"].inner.native
    qtbot.keyClicks(line, "1o")
    with pytest.raises(InputError, match="Patterns per update"):
        editor.value()
    line.clear()
    qtbot.keyClicks(line, "16")
    assert editor.all.form.value().patterns_per_update == 16
    editor.all.rows.setCurrentRow(0)
    editor.all.form.editors["iterations"].inner.value = 3
    assert editor.value()[0].iterations == 3
    editor.all.buttons["Remove"].click()
    editor.all.buttons["Remove"].click()
    assert editor.last.value() == editor.value()[-1], "the last one is another one now, or the only one"


def test_the_default_stages_show_prior_and_displacement(qtbot: QtBot) -> None:
    form = SettingsForm(Stage)
    qtbot.addWidget(form)
    moving = Recipe().stages[-1]
    assert moving.prior is not None
    assert moving.displaces
    form.set_value(moving)
    assert form.value() == moving
    form.editors["prior"]._choice.inner.value = "none"
    assert form.value().prior is None


def test_the_wheel_scrolls_the_page_and_changes_no_number(qtbot: QtBot) -> None:
    form = SettingsForm(Model)
    qtbot.addWidget(form)
    form.show()
    spin = form.editors["states"].inner.native
    before = form.value()
    wheel = QWheelEvent(
        QPointF(5, 5),
        spin.mapToGlobal(QPointF(5, 5)),
        QPoint(0, 120),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(spin, wheel)
    assert form.value() == before
