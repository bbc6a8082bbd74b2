"""How often the screen is brought up to date, and what that costs the engine.

Run under ``xvfb-run -a -s "-screen 0 1600x1000x24"`` or on a display; prints seconds per iteration without
and with the window, in turns, and the time that one update takes for a large object.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NAPARI_CONFIG", "")
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # the unsaved results of the person at the keyboard stay

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QSettings
from qtpy.QtWidgets import QApplication

from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.launch import add_dock
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import reconstruct

ROUNDS, STATES = 3, 4


def recipe(region: int, iterations: int) -> Recipe:
    return Recipe.parse(
        {
            "data": {"file": "sample:si_sigma9", "scan_region": [0, region, 0, region]},
            "model": {"states": STATES if region > 4 else 1, "slices": 4},
            "stages": [{"name": "mixed", "iterations": iterations}],
            "run": {"threads": 1},
        }
    )


def alone(wish: Recipe) -> list[float]:
    """Seconds of each iteration without the window; in a thread too, where memory is handed out otherwise."""
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.extend([*reconstruct(wish)][-1].result.history.seconds))
    thread.start()
    thread.join()
    return found


def watched(dock, wish: Recipe) -> tuple[list[float], float, float]:
    """Seconds of each iteration, updates per second, and the part of a core that the window takes."""
    updates = []
    dock.progressed.connect(lambda _: updates.append(time.perf_counter()))
    dock.set_recipe(wish)
    loop = QEventLoop()
    dock.finished.connect(loop.quit)
    begin = time.thread_time(), time.perf_counter()
    dock.run()
    loop.exec()
    busy = (time.thread_time() - begin[0]) / (time.perf_counter() - begin[1])
    dock.finished.disconnect(loop.quit)
    dock.progressed.disconnect()
    rate = (len(updates) - 1) / (updates[-1] - updates[0]) if len(updates) > 1 else float("nan")
    return list(dock.result.history.seconds), rate, busy


def main() -> None:
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, tempfile.mkdtemp())
    viewer = napari.Viewer()
    viewer.window.resize(1500, 940)
    dock = add_dock(viewer)
    dock.open("sample:si_sigma9")
    dock.steps.show_step("run")
    for region, iterations in ((3, 100), (8, 25)):
        wish = recipe(region, iterations)
        free, seen, rates, loads = [], [], [], []
        for _ in range(ROUNDS):
            free += alone(wish)
            seconds, rate, busy = watched(dock, wish)
            seen += seconds
            rates.append(rate)
            loads.append(busy)
        slower = np.median(seen) / np.median(free) - 1
        print(
            f"{region}×{region} points: {np.median(free):.3f} s per iteration alone, "
            f"{np.median(seen):.3f} s with "
            f"the window ({slower:+.1%}); {np.median(rates):.1f} updates per second, "
            f"window busy {np.median(loads):.0%}"
        )
    large(dock)
    viewer.close()


def large(dock) -> None:
    """Time of one update at 10 states of 4 slices of 1024²: in the engine's thread, and on the screen."""
    result = dock.result
    phase = np.random.default_rng(0).normal(size=(10, 4, 1024, 1024)).astype(np.float32)
    result = result.replace(estimate=result.estimate.with_blocks({"object": phase}))
    begin = time.perf_counter()
    view = View.of(result)
    made = time.perf_counter()
    dock.display.begin_run("large")
    dock.display.show_result(result, view)
    QApplication.processEvents()
    times = []
    for _ in range(10):
        start = time.perf_counter()
        dock.display.show_result(result, view)
        QApplication.processEvents()
        times.append(time.perf_counter() - start)
    print(f"10 × 4 × 1024²: images {made - begin:.3f} s (engine's thread), screen {np.median(times):.3f} s")


if __name__ == "__main__":
    main()
