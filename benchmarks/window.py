"""How often the screen is brought up to date, and what that costs the engine.

Run on a display, or under ``xvfb-run -a -s "-screen 0 1600x1000x24"``, where OpenGL is computed by the
processor and drawing takes many times as long as on a graphics card. Prints for small and for usual runs, and
for ten states of 1024² under an engine that only transforms, the time that runs of the same iterations take
unwatched and with the window, in turns; the updates per second; and the part of the time in which Qt draws.

``--no-canvas``: nothing of the image is drawn, only the dock and napari's own controls, on a screen in
memory: what is left when a graphics card takes no time at all. ``--thread``: runs are threads of the window's
process, whose lock Qt holds while it draws, and not processes of their own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from window_engine import LARGE, TIMES, patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NAPARI_CONFIG", "")
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # the unsaved results of the person at the keyboard stay
os.environ[TIMES] = f"{os.environ['XDG_DATA_HOME']}/times"
if "--no-canvas" in sys.argv:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

import napari
import numpy as np
from napari._qt.qt_main_window import _QtMainWindow
from qtpy.QtCore import QEvent, QEventLoop, QSettings

from napari_mixedptycho._napari import control
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.launch import add_dock
from napari_mixedptycho._napari.preferences import preference
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.running import Apart, Job, Seat, Work, apart

ROUNDS, STATES = 2, 4
THREAD = "--thread" in sys.argv


@dataclass
class Seen:
    """One run with the window."""

    updates: list[float] = field(default_factory=list)
    drawn: float = 0.0
    drawings: int = 0

    @property
    def rate(self) -> float:
        """Updates per second."""
        return (
            (len(self.updates) - 1) / (self.updates[-1] - self.updates[0]) if len(self.updates) > 1 else 0.0
        )


def recipe(region: int, iterations: int, states: int = 0) -> Recipe:
    return Recipe.parse(
        {
            "data": {"file": "sample:si_sigma9", "scan_region": [0, region, 0, region]},
            "model": {"states": states or (STATES if region > 4 else 1), "slices": 4},
            "stages": [{"name": "mixed", "iterations": iterations}],
            "run": {"threads": 1},
        }
    )


def alone(dock, wish: Recipe) -> float:
    """Seconds of all iterations where nobody watches."""
    job, copy = Job(wish, dock.desk.needed_dataset), Path(os.environ["XDG_DATA_HOME"], "alone.h5")
    work = Work(job, copy) if THREAD else Apart(job, copy, Seat())
    work.start()
    while not work.look(resting=True).over:
        time.sleep(0.5)
    work.shutdown()
    return taken()


def taken() -> float:
    """Seconds of the last run, from its first iteration to its last."""
    first, last = Path(os.environ[TIMES]).read_text(encoding="ascii").split()
    return float(last) - float(first)


def watched(dock, wish: Recipe) -> tuple[float, Seen]:
    """Seconds of all iterations with the window, and what was seen."""
    seen, event = Seen(), _QtMainWindow.event

    def drawing(window, happening) -> bool:
        begin = time.perf_counter()
        answer = event(window, happening)
        if happening.type() == QEvent.Type.UpdateRequest and seen.updates:
            seen.drawn += time.perf_counter() - begin
            seen.drawings += 1
        return answer

    dock.progressed.connect(lambda _: seen.updates.append(time.perf_counter()))
    dock.set_recipe(wish)
    loop = QEventLoop()
    dock.finished.connect(loop.quit)
    _QtMainWindow.event = drawing
    try:
        dock.run()
        loop.exec()
    finally:
        _QtMainWindow.event = event
    dock.finished.disconnect(loop.quit)
    dock.progressed.disconnect()
    return taken(), seen


def measure(title: str, dock, wish: Recipe) -> None:
    free, slowed, all_seen = [], [], []
    for _ in range(ROUNDS):
        free.append(alone(dock, wish))
        seconds, seen = watched(dock, wish)
        slowed.append(seconds)
        all_seen.append(seen)
    steps = wish.iterations - 1
    rate = np.median([seen.rate for seen in all_seen])
    drawn = sum(seen.drawn for seen in all_seen) / sum(slowed)
    each = sum(seen.drawn for seen in all_seen) / sum(len(seen.updates) for seen in all_seen)
    print(
        f"{title}: {np.median(free) / steps:.3f} s per iteration alone, {np.median(slowed) / steps:.3f} s "
        f"with the window ({np.median(slowed) / np.median(free) - 1:+.1%}); {rate:.1f} updates per second; "
        f"Qt drew for {each * 1e3:.0f} ms in each, {drawn:.0%} of the time",
        flush=True,
    )


def without_opengl() -> None:
    """Answer napari's two questions to OpenGL, wherever they are asked from."""
    answers = {
        "get_gl_extensions": lambda: "GL_ARB_texture_float texture_float",
        "get_max_texture_sizes": lambda: (16384, 2048),
    }
    for module in [module for name, module in sys.modules.items() if name.startswith("napari.")]:
        for name, answer in answers.items():
            if name in vars(module):
                setattr(module, name, answer)


def main() -> None:
    patch()
    apart._ENGINE = "window_engine"
    if THREAD:
        control.preference = lambda name: name != "own_process" and preference(name)
    if "--no-canvas" in sys.argv:
        without_opengl()
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, tempfile.mkdtemp())
    viewer = napari.Viewer()
    viewer.window.resize(1500, 940)
    dock = add_dock(viewer)
    dock.open("sample:si_sigma9")
    dock.steps.show_step("run")
    measure("3×3 points", dock, recipe(3, 1500))
    measure("8×8 points", dock, recipe(8, 130))
    measure("10 states of 1024²", dock, recipe(3, 210, states=LARGE[0]))
    begin = time.perf_counter()
    View.of(dock.result)
    print(f"images of 10 states of 1024²: {time.perf_counter() - begin:.3f} s of a thread of their own")
    dock.shutdown()
    viewer.close()


if __name__ == "__main__":
    main()
