"""How long the window stands still while a scan is opened.

Run on a display, or under ``xvfb-run -a -s "-screen 0 1600x1000x24"``, where OpenGL is computed by the
processor. A timer of the window ticks every 5 ms; printed are the largest gaps between two ticks, from the
moment at which a file is opened, as by its button, until its image is there and nothing is read any more.
First the built-in sample in a new window, then 1 GiB of patterns, mostly holes of an HDF5 file, then each
once more. With ``--profile`` follows what the thread of the window did.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NAPARI_CONFIG", "")
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()  # the unsaved results of the person at the keyboard stay

import cProfile
import pstats

import h5py
import napari
import numpy as np
from qtpy.QtCore import QSettings, QTimer
from qtpy.QtWidgets import QApplication

from napari_mixedptycho._napari.launch import add_dock
from napari_mixedptycho.io import sample_path

SAMPLE = "sample:si_sigma9"
SHAPE = (256, 256, 128, 128)
WRITTEN = 16
"""Rows of the scan from one that is no hole to the next."""


def large(folder: Path) -> str:
    """Write the sample's patterns, in the middle of larger ones, into few rows of a large scan."""
    path = folder / "large.h5"
    with h5py.File(sample_path("si_sigma9")) as sample, h5py.File(path, "w") as file:
        patterns = np.asarray(sample["data"]).reshape(-1, 64, 64)
        row = np.zeros(SHAPE[1:], np.uint8)
        row[:, 32:96, 32:96] = (200 * patterns / patterns.max())[np.arange(SHAPE[1]) % len(patterns)]
        file.attrs.update(sample.attrs)
        data = file.create_dataset("data", SHAPE, np.uint8, chunks=(1, 16, *SHAPE[2:]))
        data.attrs.update(sample["data"].attrs)
        for place in range(0, SHAPE[0], WRITTEN):
            data[place] = row
    return str(path)


def wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.001)


def gaps(dock, file: str) -> list[float]:
    """Return the gaps between ticks while a file is opened, s, the largest first."""
    ticks: list[float] = []
    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    wait(0.3)
    ticks[:] = [time.perf_counter()]
    dock.steps.data.opened.emit(file)
    end = time.monotonic() + 60
    wait(1.0)
    while (dock.opening.busy or dock.imaging.busy) and time.monotonic() < end:
        wait(0.1)
    wait(0.5)
    timer.stop()
    return sorted(np.diff(ticks), reverse=True)


def main() -> None:
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, tempfile.mkdtemp())
    viewer = napari.Viewer()
    viewer.window.resize(1500, 940)
    dock = add_dock(viewer)
    wait(1.0)
    with tempfile.TemporaryDirectory() as folder:
        file = large(Path(folder))
        for title, wish in (
            ("sample", SAMPLE),
            ("1 GiB", file),
            ("sample again", SAMPLE),
            ("1 GiB again", file),
        ):
            profile = cProfile.Profile()
            if "--profile" in sys.argv:
                profile.enable()
            found = gaps(dock, wish)
            profile.disable()
            told = ", ".join(f"{1e3 * gap:.0f}" for gap in found[:5])
            print(f"{title}: the five largest gaps {told} ms", flush=True)
            if "--profile" in sys.argv:
                pstats.Stats(profile).sort_stats("cumulative").print_stats("napari", 45)
    viewer.close()


if __name__ == "__main__":
    main()
