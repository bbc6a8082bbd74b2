"""Walk through the dock and take the pictures of README and tutorial, from the running plugin.

On a display, or under ``xvfb-run -a -s "-screen 0 1600x1000x24"``::

    python docs/make_screenshots.py [--out docs/images] [--states 2] [--iterations 10] [--threads 1] [--all]

With the default recipe, as for the pictures in the repository, it takes some minutes; with ``--short`` some
seconds, for the questions and the mask of step 1 only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

# Settings of the person at the keyboard must not show, nor their unsaved results go.
os.environ.setdefault("NAPARI_CONFIG", "")
os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()

import h5py
import napari
import numpy as np
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_mixedptycho._napari.images import region_offset
from napari_mixedptycho._napari.launch import add_dock
from napari_mixedptycho._napari.overlays import ELLIPSES, TRUTH
from napari_mixedptycho._napari.pages.details import PAIRS
from napari_mixedptycho._napari.strokes import LINE
from napari_mixedptycho._napari.widget import MixedPtychoWidget
from napari_mixedptycho.io import sample_path
from napari_mixedptycho.recipe import Recipe

PATH = QSettings.Format.IniFormat, QSettings.Scope.UserScope
KEPT = ("shapes", "mask", "data", "calibrate", "orientations", "model", "running", "runs", "dock", "pairs")
STEPS = ("data", "calibrate", "model", "run", "analyse")


def main() -> int:
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    QSettings.setPath(*PATH, os.environ["XDG_CONFIG_HOME"])
    viewer = napari.Viewer(title="napari")
    viewer.theme = options.theme
    viewer.window.resize(*options.size)
    dock = add_dock(viewer)
    wait(0.5)
    picture(viewer, options, "start")
    shapes(dock, viewer, options)
    dock.open("sample:si_sigma9")
    dock.display.look()
    settle(dock)
    mask(dock, viewer, options)
    if options.short:
        viewer.close()
        return 0
    for step in STEPS[:4]:
        dock.steps.show_step(step)
        picture(viewer, options, f"{step}_before" if step == "calibrate" else step)
        if step == "calibrate":
            calibrate(dock, viewer, options)
    dock.set_recipe(recipe(dock, options))
    dock.run()
    half = dock.recipe().iterations - dock.recipe().stages[-1].iterations // 2
    while dock.running and (dock.result is None or len(dock.result.history) < half):
        wait(0.1)
    picture(viewer, options, "running")
    while dock.running:
        wait(0.1)
    picture(viewer, options, "finished")
    analyse(dock, viewer, options)
    print(dock.steps.footer.status.text())
    viewer.close()
    return 0


def shapes(dock: MixedPtychoWidget, viewer: napari.Viewer, options: argparse.Namespace) -> None:
    """Open the sample as a stack of patterns that does not say how many rows and columns its scan has."""
    with h5py.File(sample_path("si_sigma9")) as sample, tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "stack.npy", np.asarray(sample["data"][:18]).reshape(432, 64, 64))
        dock.steps.data.opened.emit(str(Path(folder) / "stack.npy"))
        settle(dock)
        wait(1)
        picture(viewer, options, "shapes", dock)


def mask(dock: MixedPtychoWidget, viewer: napari.Viewer, options: argparse.Namespace) -> None:
    """Draw an arm of a beam stop on the pattern, by keys, and take it back."""
    view, panel = dock.steps.data.pattern, dock.steps.data.virtual
    panel.mask_button.click()
    panel.mask_tools.tools[LINE].click()
    panel.mask_tools.width_entry.setValue(4)
    key, shift = Qt.Key, Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(view, key.Key_Space)
    for _ in range(4):
        QTest.keyClick(view, key.Key_Right, shift)
    QTest.keyClick(view, key.Key_Space)
    settle(dock)
    picture(viewer, options, "mask", dock)
    panel.mask_tools.undo.click()
    panel.mask_button.click()
    settle(dock)


def calibrate(dock: MixedPtychoWidget, viewer: napari.Viewer, options: argparse.Namespace) -> None:
    """Measure, and look at the eight orientations; nothing is taken over, the file's numbers are right."""
    page = dock.steps.calibrate
    page.calibrate_button.click()
    settle(dock)
    picture(viewer, options, "calibrate")
    page.eight.open(True)
    page.eight_button.click()
    settle(dock)
    bar = page.verticalScrollBar()
    if bar is not None:
        bar.setValue(bar.maximum())
    picture(viewer, options, "orientations")


def analyse(dock: MixedPtychoWidget, viewer: napari.Viewer, options: argparse.Namespace) -> None:
    """Find columns, run the control, and look at one column, at pairs and at the table of runs."""
    dock.steps.show_step("analyse")
    dock.find_columns()
    dock.steps.analyse.belief.control_button.click()
    while "Motion" not in dock.steps.analyse.belief.verdict.text():
        wait(0.1)
    for name in (ELLIPSES, TRUTH):
        dock.steps.analyse.overlays.buttons[name].click()
    for layer in viewer.layers:
        layer.visible = layer.visible and "control" not in layer.name
    assert dock.result is not None
    assert dock.desk.found is not None
    y, x = dock.desk.found.motion.mean[5] + region_offset(dock.result)
    dock.show_point((y, x))
    picture(viewer, options, "dock")
    dock.steps.analyse.details.choose(PAIRS)
    settle(dock)
    wait(5)
    picture(viewer, options, "pairs")
    dock.steps.show_step("run")
    dock.steps.run.turn("runs")
    picture(viewer, options, "runs")
    with tempfile.TemporaryDirectory() as folder:
        dock.export(folder)
        for name in ("states.png", "columns.png"):
            shutil.copy(Path(folder) / name, options.out / name)


def settle(dock: MixedPtychoWidget) -> None:
    """Wait until nothing is measured beside the window."""
    wait(0.3)
    while dock.calibrating.busy or dock.opening.busy or dock.imaging.busy:
        wait(0.1)
    wait(0.5)


def recipe(dock: MixedPtychoWidget, options: argparse.Namespace) -> Recipe:
    """Take the default recipe, shortened as asked."""
    shown = dock.recipe()
    if options.iterations:
        shown = shown.with_iterations(options.iterations)
    for path, value in (("model.states", options.states), ("run.threads", options.threads)):
        if value:
            shown = shown.with_set(f"{path}={value}")
    return shown


def wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def picture(
    viewer: napari.Viewer, options: argparse.Namespace, name: str, part: QWidget | None = None
) -> None:
    """Take the window, or a part of it."""
    wait(0.6)
    if name not in KEPT and not options.all:
        return
    path = options.out / f"{name}.png"
    if part is None:
        viewer.window.screenshot(str(path), canvas_only=False, flash=False)
    else:
        part.grab().save(str(path))
    print(path)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--states", type=int)
    parser.add_argument("--iterations", type=int, help="of the last stage")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--all", action="store_true", help="also the pictures that no page shows")
    parser.add_argument("--short", action="store_true", help="only questions and mask of step 1")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--size", type=int, nargs=2, default=(1500, 940), metavar=("WIDTH", "HEIGHT"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
