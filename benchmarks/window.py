"""How often the screen is brought up to date, and what that costs the engine.

Run on a display, or under ``xvfb-run -a -s "-screen 0 1600x1000x24"``, where OpenGL is computed by the
processor and drawing takes many times as long as on a graphics card. Prints for small and for usual runs, and
for ten states of 1024² under an engine that only transforms, the time that runs of the same iterations take
without and with the window, in turns; the updates per second; and the part of the time in which Qt draws,
during which it holds Python's lock. With ``--no-canvas`` nothing of the image is drawn, only the dock and
napari's own controls, on a screen in memory: what is left when a graphics card takes no time at all.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NAPARI_CONFIG", "")
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # the unsaved results of the person at the keyboard stay
if "--no-canvas" in sys.argv:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

import napari
import numpy as np
import scipy.fft
from napari._qt.qt_main_window import _QtMainWindow
from qtpy.QtCore import QEvent, QEventLoop, QSettings

from napari_mixedptycho._napari import control
from napari_mixedptycho._napari.images import View
from napari_mixedptycho._napari.launch import add_dock
from napari_mixedptycho.recipe import Recipe
from napari_mixedptycho.reconstruct import Progress, reconstruct

ROUNDS, STATES = 2, 4
LARGE = (10, 1, 1024, 1024)
TRANSFORMS = 24
"""Of the large object's planes in one of its iterations."""


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


def recipe(region: int, iterations: int) -> Recipe:
    return Recipe.parse(
        {
            "data": {"file": "sample:si_sigma9", "scan_region": [0, region, 0, region]},
            "model": {"states": STATES if region > 4 else 1, "slices": 4},
            "stages": [{"name": "mixed", "iterations": iterations}],
            "run": {"threads": 1},
        }
    )


def large(wish: Recipe, *arguments: object) -> Iterator[Progress]:
    """Stand in for the engine: transforms, and a new object of the large size at each iteration."""
    steps = reconstruct(wish, *arguments)
    first = next(steps)
    steps.close()
    planes = np.random.default_rng(0).normal(size=LARGE).astype(np.float32)
    block = planes[0, 0].astype(np.complex64)
    for count in range(1, wish.iterations + 1):
        begin = time.perf_counter()
        for _ in range(TRANSFORMS):
            block = scipy.fft.ifft2(scipy.fft.fft2(block, workers=1), workers=1)
        result = first.result
        history = result.history
        for _ in range(count - 1):
            history = replace(
                history, **{name: (*values, values[-1]) for name, values in vars(history).items()}
            )
        seconds = (*history.seconds[:-1], time.perf_counter() - begin)
        estimate = result.estimate.with_blocks({"object": planes + np.float32(count)})
        result = result.replace(estimate=estimate, history=replace(history, seconds=seconds))
        yield replace(first, iteration=count, iterations=wish.iterations, result=result)


def alone(wish: Recipe, engine: Callable[..., Iterator[Progress]]) -> float:
    """Seconds of all iterations without the window; in a thread too, where memory is handed out otherwise."""
    found: list[float] = []

    def work() -> None:
        begin = None
        for _ in engine(wish):
            begin = begin or time.perf_counter()
        found.append(time.perf_counter() - begin)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def watched(dock, wish: Recipe, engine: Callable[..., Iterator[Progress]]) -> tuple[float, Seen]:
    """Seconds of all iterations with the window, and what was seen."""
    seen, times = Seen(), []

    def timed(*arguments: object) -> Iterator[Progress]:
        for progress in engine(*arguments):
            times.append(time.perf_counter())
            yield progress

    plain, event = control.reconstruct, _QtMainWindow.event

    def drawing(window, happening) -> bool:
        begin = time.perf_counter()
        answer = event(window, happening)
        if happening.type() == QEvent.Type.UpdateRequest and times:
            seen.drawn += time.perf_counter() - begin
            seen.drawings += 1
        return answer

    dock.progressed.connect(lambda _: seen.updates.append(time.perf_counter()))
    dock.set_recipe(wish)
    loop = QEventLoop()
    dock.finished.connect(loop.quit)
    control.reconstruct, _QtMainWindow.event = timed, drawing
    try:
        dock.run()
        loop.exec()
    finally:
        control.reconstruct, _QtMainWindow.event = plain, event
    dock.finished.disconnect(loop.quit)
    dock.progressed.disconnect()
    return times[-1] - times[0], seen


def measure(title: str, dock, wish: Recipe, engine: Callable[..., Iterator[Progress]]) -> None:
    free, taken, all_seen = [], [], []
    for _ in range(ROUNDS):
        free.append(alone(wish, engine))
        seconds, seen = watched(dock, wish, engine)
        taken.append(seconds)
        all_seen.append(seen)
    steps = wish.iterations - 1
    rate = np.median([seen.rate for seen in all_seen])
    drawn = sum(seen.drawn for seen in all_seen) / sum(taken)
    each = sum(seen.drawn for seen in all_seen) / sum(len(seen.updates) for seen in all_seen)
    print(
        f"{title}: {np.median(free) / steps:.3f} s per iteration alone, {np.median(taken) / steps:.3f} s "
        f"with the window ({np.median(taken) / np.median(free) - 1:+.1%}); {rate:.1f} updates per second; "
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
    if "--no-canvas" in sys.argv:
        without_opengl()
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, tempfile.mkdtemp())
    viewer = napari.Viewer()
    viewer.window.resize(1500, 940)
    dock = add_dock(viewer)
    dock.open("sample:si_sigma9")
    dock.steps.show_step("run")
    measure("3×3 points", dock, recipe(3, 1500), reconstruct)
    measure("8×8 points", dock, recipe(8, 130), reconstruct)
    measure("10 states of 1024²", dock, recipe(3, 70), large)
    begin = time.perf_counter()
    View.of(dock.result)
    print(f"images of 10 states of 1024²: {time.perf_counter() - begin:.3f} s of a thread of their own")
    viewer.close()


if __name__ == "__main__":
    main()
